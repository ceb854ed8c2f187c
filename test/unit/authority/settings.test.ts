import { describe, expect, it } from 'vitest';
import {
  findProfile,
  initialSettings,
  parseSettings,
  settingsSchema,
} from '../../../src/authority/settings.ts';
import { dayMs } from '../../../src/core/duration.ts';
import { refusalOf } from '../../support/refusal.ts';

const parse = (document: object) => parseSettings(JSON.stringify({ version: 1, ...document }));

describe('parseSettings', () => {
  it('fills in what is left out', () => {
    const settings = parse({});
    expect(settings).toMatchObject({
      renewal: {
        within: { share: 1 / 3 },
        graceMs: 30 * dayMs,
        maxKeyAgeMs: 730 * dayMs,
        revokeSupersededAfterMs: undefined,
      },
      crl: { validityMs: 30 * dayMs, refreshMs: (20 / 24) * dayMs, urls: [], copyTo: [], hook: undefined },
      caIssuers: [],
      hookTimeoutMs: 60_000,
    });
    expect([...settings.profiles.values()]).toEqual([
      { ...plain, name: 'client', extendedKeyUsage: ['clientAuth'], requireSan: [] },
      { ...plain, name: 'server', extendedKeyUsage: ['serverAuth'], requireSan: ['dns', 'ip'] },
      { ...plain, name: 'peer', extendedKeyUsage: ['clientAuth', 'serverAuth'], requireSan: ['dns', 'ip'] },
    ]);
  });

  it('reads what init writes', () => {
    const urls = ['http://crl.example.com/ca.crl'];
    expect(parseSettings(initialSettings({ crlUrls: urls }))).toEqual(parse({ crl: { urls } }));
  });

  it('takes changes to a built-in profile, and new ones after the profile client', () => {
    const settings = parse({
      profiles: {
        server: { validity: '10d' },
        robot: { extendedKeyUsage: ['clientAuth', '1.3.6.1.4.1.99999.1'] },
      },
    });
    expect(findProfile(settings, 'server')).toMatchObject({
      validityMs: 10 * dayMs,
      requireSan: ['dns', 'ip'],
    });
    expect(findProfile(settings, 'robot')).toEqual({
      ...plain,
      name: 'robot',
      extendedKeyUsage: ['clientAuth', '1.3.6.1.4.1.99999.1'],
      requireSan: [],
    });
    expect(refusalOf(() => findProfile(settings, 'toString'))).toMatchObject({
      code: 'authority/unknown-profile',
      hint: 'use one of: client, server, peer, robot, or add one to ca.json',
    });
  });
});

const plain = { validityMs: 90 * dayMs, key: 'p256', sanFromCsr: false };

describe('parseSettings refuses', () => {
  it.each<[string, object, string]>([
    ['an unknown key', { crls: {} }, 'unknown key crls'],
    ['an unknown key within', { crl: { validty: '30d' } }, 'unknown key crl.validty'],
    ['a key that every object has', JSON.parse('{"__proto__":{}}'), 'unknown key __proto__'],
    ['an unknown key of a profile', { profiles: { a: { eku: [] } } }, 'unknown key profiles.a.eku'],
    ['another version', { version: 2 }, 'version is 2, allowed is one of 1'],
    [
      'a number without a unit',
      { crl: { validity: 30 } },
      'crl.validity is 30, allowed is a duration in text such as "90d"',
    ],
    [
      'text without a unit',
      { crl: { validity: '30' } },
      'crl.validity is "30", allowed is a duration with its unit',
    ],
    [
      'a wrong unit',
      { renewal: { grace: '30 days' } },
      'renewal.grace is "30 days", allowed is a duration with its unit',
    ],
    ['a share of 0', { renewal: { within: '0%' } }, 'renewal.within is "0%", allowed is a share of the life'],
    [
      'a share of 100',
      { renewal: { within: '100%' } },
      'renewal.within is "100%", allowed is a share of the life',
    ],
    ['a list that is none', { crl: { urls: 'http://x' } }, 'crl.urls is "http://x", allowed is a list'],
    [
      'an https CRL address',
      { crl: { urls: ['https://x/ca.crl'] } },
      'crl.urls[0] is "https://x/ca.crl", allowed is an http:// URL',
    ],
    [
      'an ldap issuer address',
      { caIssuers: ['ldap://x'] },
      'caIssuers[0] is "ldap://x", allowed is an http:// URL',
    ],
    [
      'a relative directory',
      { crl: { copyTo: ['crl'] } },
      'crl.copyTo[0] is "crl", allowed is an absolute path',
    ],
    ['an empty hook', { crl: { hook: ' ' } }, 'crl.hook is " ", allowed is a shell command'],
    ['a profile with an odd name', { profiles: { 'A\u001b': {} } }, 'profiles.A\\u{1b} is'],
    [
      'an unknown key kind',
      { profiles: { a: { key: 'rsa1024' } } },
      'profiles.a.key is "rsa1024", allowed is one of "p256"',
    ],
    [
      'an unknown kind of name',
      { profiles: { a: { requireSan: ['DNS'] } } },
      'profiles.a.requireSan[0] is "DNS"',
    ],
    [
      'a word for true',
      { profiles: { a: { sanFromCsr: 'yes' } } },
      'profiles.a.sanFromCsr is "yes", allowed is one of true, false',
    ],
    [
      'a purpose by an unknown name',
      { profiles: { a: { extendedKeyUsage: ['codeSigning'] } } },
      'profiles.a.extendedKeyUsage[0] is "codeSigning"',
    ],
    [
      'an OID with a leading zero',
      { profiles: { a: { extendedKeyUsage: ['1.03'] } } },
      'profiles.a.extendedKeyUsage[0] is "1.03"',
    ],
    [
      'no purpose',
      { profiles: { a: { extendedKeyUsage: [] } } },
      'profiles.a.extendedKeyUsage is [], allowed is at least one purpose',
    ],
    [
      'a purpose twice',
      { profiles: { a: { extendedKeyUsage: ['clientAuth', 'clientAuth'] } } },
      'allowed is each purpose once',
    ],
    [
      'any purpose',
      { profiles: { a: { extendedKeyUsage: ['2.5.29.37.0'] } } },
      'allowed is anything but anyExtendedKeyUsage',
    ],
    ['a list in place of an object', { crl: [] }, 'crl is [], allowed is an object'],
    ['null', { renewal: null }, 'renewal is null, allowed is an object'],
    [
      'a refresh of more than half the CRL’s life',
      { crl: { validity: '3d', refresh: '2d' } },
      'crl.refresh is "2d", allowed is at most half of crl.validity (3d)',
    ],
    [
      'a short CRL with the usual refresh',
      { crl: { validity: '1d' } },
      'crl.refresh is "20h", allowed is at most half',
    ],
    [
      'a window as long as a profile’s life',
      { renewal: { within: '90d' } },
      'renewal.within is "90d", allowed is less than the validity of profile client (90d)',
    ],
  ])('%s', (_, document, message) => {
    const refusal = refusalOf(() => parse(document));
    expect(refusal).toMatchObject({
      code: 'authority/invalid-settings',
      message: expect.stringContaining(message),
    });
    expect(refusal.message).toMatch(/^ca\.json: /);
  });

  it('a document without its version', () => {
    expect(refusalOf(() => parseSettings('{}')).message).toBe('ca.json: key version is missing');
  });

  it.each(['[]', 'null', '"x"', '7'])('%s', (text) => {
    expect(refusalOf(() => parseSettings(text)).message).toBe(
      `ca.json: the document is ${text}, allowed is an object`,
    );
  });

  it.each([
    ['version', '{"version":1,"version":1}'],
    ['hook', '{"version":1,"crl":{"hook":"a","urls":[],"h\\u006fok" : "b"}}'],
  ])('the key %s given twice', (key, text) => {
    expect(refusalOf(() => parseSettings(text))).toMatchObject({
      code: 'authority/invalid-settings',
      message: `ca.json has the key "${key}" twice`,
    });
  });

  it('but no key that stands once in each of two objects, or in a value', () => {
    const text =
      '{"version":1,"crl":{"validity":"30d","hook":"echo \\"hook\\": {"},"profiles":{"a":{"validity":"1d"},"b":{"validity":"1d"}}}';
    expect(parseSettings(text).crl.hook).toBe('echo "hook": {');
  });

  it('text that is not JSON', () => {
    expect(refusalOf(() => parseSettings('{"version":1,}'))).toMatchObject({
      code: 'authority/invalid-settings',
      message: expect.stringMatching(/^ca\.json is not JSON: /),
    });
  });
});

describe('the schema', () => {
  const schema = JSON.parse(settingsSchema());

  it('validates what init writes, and names every key with what it is about', () => {
    expect(faults(schema, JSON.parse(initialSettings({ crlUrls: ['http://x/y'] })), '')).toEqual([]);
    expect(descriptions(schema).every((about) => typeof about === 'string' && about.length > 10)).toBe(true);
    expect(schema.$schema).toBe('https://json-schema.org/draft/2020-12/schema');
  });

  it.each<[object, string]>([
    [{ version: 2 }, 'version'],
    [{ version: 1, crls: {} }, 'crls'],
    [{ version: 1, crl: { validity: '30' } }, 'crl.validity'],
    [{ version: 1, crl: { validity: ' 30d' } }, 'crl.validity'],
    [{ version: 1, profiles: { 'A B': {} } }, 'profiles.A B'],
    [{ version: 1, renewal: { within: '100%' } }, 'renewal.within'],
    [{}, 'version'],
  ])('refuses %j, as the parser does', (document, where) => {
    expect(faults(schema, document, '')).toEqual([where]);
    expect(refusalOf(() => parseSettings(JSON.stringify(document))).code).toBe('authority/invalid-settings');
  });
});

interface Schema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly required?: readonly string[];
  readonly properties?: Record<string, Schema>;
  readonly additionalProperties?: Schema | false;
  readonly propertyNames?: Schema;
  readonly items?: Schema;
  readonly description?: unknown;
}

/** Where a document breaks a schema of the few keywords that ours has. */
function faults(schema: Schema, value: unknown, path: string): string[] {
  if (schema.enum) return schema.enum.includes(value) ? [] : [path];
  if (schema.type === 'string') {
    return typeof value === 'string' && new RegExp(schema.pattern ?? '', 'u').test(value) ? [] : [path];
  }
  if (schema.type === 'array') {
    return Array.isArray(value)
      ? value.flatMap((item, index) => faults(schema.items ?? {}, item, `${path}[${index}]`))
      : [path];
  }
  const members = Object.entries(value as object);
  const join = (key: string) => (path === '' ? key : `${path}.${key}`);
  const missing = (schema.required ?? []).filter((key) => !members.some(([name]) => name === key));
  return [
    ...missing.map(join),
    ...members.flatMap(([key, item]) => {
      if (schema.propertyNames && faults({ type: 'string', ...schema.propertyNames }, key, '').length > 0)
        return [join(key)];
      const member = schema.properties?.[key] ?? schema.additionalProperties;
      return member ? faults(member, item, join(key)) : [join(key)];
    }),
  ];
}

function descriptions(schema: Schema): unknown[] {
  const { properties = {}, additionalProperties, items } = schema;
  const inner = [
    ...Object.values(properties),
    ...(additionalProperties ? [additionalProperties] : []),
    ...(items ? [items] : []),
  ];
  return [schema.description, ...inner.flatMap(descriptions)];
}
