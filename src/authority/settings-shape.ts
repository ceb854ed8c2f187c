import { CaError } from '../core/ca-error.ts';
import { parseDuration } from '../core/duration.ts';
import { beginning, printable } from '../core/printable.ts';

/**
 * The shape of a JSON document as data: it validates (every fault names its key and what is allowed) and it is
 * printed as JSON Schema, so that the two cannot differ.
 */
export type Shape =
  | { readonly kind: 'text'; readonly pattern?: string; readonly allowed: string; readonly about: string }
  | { readonly kind: 'duration'; readonly about: string }
  | {
      readonly kind: 'choice';
      readonly values: readonly (string | number | boolean)[];
      readonly about: string;
    }
  | { readonly kind: 'list'; readonly items: Shape; readonly about: string }
  | { readonly kind: 'map'; readonly keyPattern: string; readonly values: Shape; readonly about: string }
  | {
      readonly kind: 'object';
      readonly keys: Readonly<Record<string, Shape>>;
      readonly required?: readonly string[];
      readonly about: string;
    };

/** Throws `authority/invalid-settings` unless `value` has the shape; `path` is where it stands, as in `crl.validity`. */
export function checkShape(shape: Shape, value: unknown, path: string): void {
  switch (shape.kind) {
    case 'text':
      if (
        typeof value !== 'string' ||
        (shape.pattern !== undefined && !new RegExp(shape.pattern, 'u').test(value))
      ) {
        throw invalidSetting(path, value, shape.allowed);
      }
      return;
    case 'duration':
      if (typeof value !== 'string') throw invalidSetting(path, value, 'a duration in text such as "90d"');
      try {
        parseDuration(value);
      } catch {
        throw invalidSetting(path, value, 'a duration with its unit, such as 30s, 10m, 12h, 90d, 2w or 10y');
      }
      return;
    case 'choice':
      if (!shape.values.some((choice) => choice === value)) {
        throw invalidSetting(
          path,
          value,
          `one of ${shape.values.map((choice) => JSON.stringify(choice)).join(', ')}`,
        );
      }
      return;
    case 'list':
      if (!Array.isArray(value)) throw invalidSetting(path, value, 'a list');
      value.forEach((item, index) => {
        checkShape(shape.items, item, `${path}[${index}]`);
      });
      return;
    case 'map':
      for (const [key, item] of members(value, path)) {
        if (!new RegExp(shape.keyPattern, 'u').test(key)) {
          throw invalidSetting(
            `${path}.${printable(beginning(key))}`,
            key,
            `a name that matches ${shape.keyPattern}`,
          );
        }
        checkShape(shape.values, item, `${path}.${key}`);
      }
      return;
    case 'object': {
      const found = members(value, path);
      for (const [key, item] of found) {
        const member = Object.hasOwn(shape.keys, key) ? shape.keys[key] : undefined;
        const where = path === '' ? printable(beginning(key)) : `${path}.${printable(beginning(key))}`;
        if (!member) {
          throw new CaError('authority/invalid-settings', `ca.json: unknown key ${where}`, {
            hint: `keys allowed here: ${Object.keys(shape.keys).join(', ')}`,
          });
        }
        checkShape(member, item, where);
      }
      for (const key of shape.required ?? []) {
        if (!found.some(([name]) => name === key)) {
          throw new CaError(
            'authority/invalid-settings',
            `ca.json: key ${path === '' ? key : `${path}.${key}`} is missing`,
            { hint: 'add it to ca.json; ca.schema.json beside it describes every key' },
          );
        }
      }
    }
  }
}

/** The refusal of one setting. */
export function invalidSetting(path: string, value: unknown, allowed: string): CaError {
  const shown = printable(beginning(JSON.stringify(value) ?? 'undefined'));
  return new CaError('authority/invalid-settings', `ca.json: ${path} is ${shown}, allowed is ${allowed}`, {
    hint: 'edit ca.json; ca.schema.json beside it describes every key',
  });
}

/** The shape as JSON Schema (draft 2020-12). */
export function jsonSchema(shape: Shape): Record<string, unknown> {
  const description = shape.about;
  switch (shape.kind) {
    case 'text':
      return {
        type: 'string',
        description,
        ...(shape.pattern === undefined ? {} : { pattern: shape.pattern }),
      };
    case 'duration':
      return { type: 'string', description, pattern: '^[1-9][0-9]{0,8}[smhdwy]$' };
    case 'choice':
      return { enum: shape.values, description };
    case 'list':
      return { type: 'array', description, items: jsonSchema(shape.items) };
    case 'map':
      return {
        type: 'object',
        description,
        propertyNames: { pattern: shape.keyPattern },
        additionalProperties: jsonSchema(shape.values),
      };
    case 'object':
      return {
        type: 'object',
        description,
        additionalProperties: false,
        ...(shape.required ? { required: shape.required } : {}),
        properties: Object.fromEntries(
          Object.entries(shape.keys).map(([key, member]) => [key, jsonSchema(member)]),
        ),
      };
  }
}

function members(value: unknown, path: string): [string, unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidSetting(path === '' ? 'the document' : path, value, 'an object');
  }
  return Object.entries(value);
}
