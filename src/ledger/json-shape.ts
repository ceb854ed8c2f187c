import { CaError } from '../core/ca-error.ts';

/** What a JSON value must look like, and how it is written: `read` takes what `write` gives and nothing else. */
export interface Shape<T> {
  /** The value. Throws {@link ShapeFault}, or the CaError of a core parser. */
  read(json: unknown): T;
  write(value: T): unknown;
}

/** The shape of a key that may be absent. */
export interface OptionalShape<T> {
  readonly optional: Shape<T>;
}

type Fields<T> = {
  readonly [K in keyof T]-?: Record<never, never> extends Pick<T, K>
    ? OptionalShape<Exclude<T[K], undefined>>
    : Shape<T[K]>;
};

/** Why JSON does not have the shape it must have: words that follow the key's name. */
export class ShapeFault extends Error {}

/** An object with exactly these keys, written in this order. */
export function object<T extends object>(fields: Fields<T>): Shape<T> {
  const table = Object.entries(fields as Record<string, Shape<unknown> | OptionalShape<unknown>>).map(
    ([key, field]) =>
      'optional' in field
        ? { key, shape: field.optional, optional: true }
        : { key, shape: field, optional: false },
  );
  return {
    read: (json) => {
      if (!isObject(json)) throw new ShapeFault('is not an object');
      const value: Record<string, unknown> = {};
      for (const { key, shape, optional } of table) {
        if (Object.hasOwn(json, key)) value[key] = readWithin(key, shape, json[key]);
        else if (!optional) throw new ShapeFault(`has no key ${JSON.stringify(key)}`);
      }
      const read = Object.keys(value);
      Object.keys(json).forEach((key, index) => {
        if (!Object.hasOwn(value, key)) throw new ShapeFault(`has the unknown key ${JSON.stringify(key)}`);
        if (key !== read[index]) throw new ShapeFault(`has the key ${JSON.stringify(key)} out of order`);
      });
      return value as T;
    },
    write: (value) => {
      const json: Record<string, unknown> = {};
      for (const { key, shape } of table) {
        const field = (value as Record<string, unknown>)[key];
        if (field !== undefined) json[key] = shape.write(field);
      }
      return json;
    },
  };
}

/** A key that may be absent. */
export function optional<T>(shape: Shape<T>): OptionalShape<T> {
  return { optional: shape };
}

/** A list of such values. */
export function list<T>(shape: Shape<T>): Shape<readonly T[]> {
  return {
    read: (json) => {
      if (!Array.isArray(json)) throw new ShapeFault('is not a list');
      return json.map((item, index) => readWithin(String(index), shape, item));
    },
    write: (values) => values.map((value) => shape.write(value)),
  };
}

/** Text that `check` does not find at fault; `check` throws or returns false. */
export function text<T extends string>(what: string, check: (text: string) => unknown): Shape<T> {
  return {
    read: (json) => {
      if (typeof json !== 'string' || check(json) === false) throw new ShapeFault(`is not ${what}`);
      return json as T;
    },
    write: (value) => value,
  };
}

/** One of these strings. */
export function oneOf<const T extends string>(...values: readonly T[]): Shape<T> {
  return text<T>(`one of: ${values.join(', ')}`, (found) => (values as readonly string[]).includes(found));
}

/** A whole number from `least` to 2^53 − 1. */
export function integer(least: number): Shape<number> {
  return {
    read: (json) => {
      if (typeof json !== 'number' || !Number.isSafeInteger(json) || json < least || Object.is(json, -0)) {
        throw new ShapeFault(`is not a whole number >= ${least}`);
      }
      return json;
    },
    write: (value) => value,
  };
}

/** True for a JSON object. */
export function isObject(json: unknown): json is Record<string, unknown> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function readWithin<T>(key: string, shape: Shape<T>, json: unknown): T {
  try {
    return shape.read(json);
  } catch (error) {
    if (error instanceof CaError) throw new ShapeFault(`key ${JSON.stringify(key)}: ${error.message}`);
    if (error instanceof ShapeFault) throw new ShapeFault(`key ${JSON.stringify(key)} ${error.message}`);
    throw error;
  }
}
