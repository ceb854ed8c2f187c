import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FaultField } from '../../support/fault-field.ts';

const field = FaultField.withAuthority('--no-passphrase');
field.do('issue', 'billing');

/** What every command that needs the settings says of this ca.json. */
function refusalOf(settings: unknown): string {
  const text = typeof settings === 'string' ? settings : JSON.stringify(settings);
  writeFileSync(field.path('home/ca.json'), text);
  const said = field.refusal(['issue', 'orders']);
  for (const args of [['renew'], ['revoke', 'billing'], ['crl'], ['status']])
    expect(field.refusal(args)).toBe(said);
  return said;
}

describe('a ca.json that is refused', () => {
  it('has an unknown key', () => {
    expect(refusalOf({ version: 1, crl: { validty: '30d' } })).toMatchInlineSnapshot(`
      "exit 3, authority/invalid-settings
      ca.json: unknown key crl.validty
      hint: keys allowed here: validity, refresh, urls, copyTo, hook"
    `);
  });

  it('has an unknown key at the top', () => {
    expect(refusalOf({ version: 1, clr: {} })).toMatchInlineSnapshot(`
      "exit 3, authority/invalid-settings
      ca.json: unknown key clr
      hint: keys allowed here: $schema, version, profiles, renewal, crl, caIssuers, hookTimeout"
    `);
  });

  it('has a key that every object has', () => {
    expect(refusalOf('{"version":1,"__proto__":{}}')).toMatchInlineSnapshot(`
      "exit 3, authority/invalid-settings
      ca.json: unknown key __proto__
      hint: keys allowed here: $schema, version, profiles, renewal, crl, caIssuers, hookTimeout"
    `);
    expect(refusalOf('{"version":1,"constructor":1}')).toMatchInlineSnapshot(`
      "exit 3, authority/invalid-settings
      ca.json: unknown key constructor
      hint: keys allowed here: $schema, version, profiles, renewal, crl, caIssuers, hookTimeout"
    `);
  });

  it('has a key with an escape sequence', () => {
    expect(refusalOf({ version: 1, '\u001b[31m': 1 })).toMatchInlineSnapshot(`
      "exit 3, authority/invalid-settings
      ca.json: unknown key \\u{1b}[31m
      hint: keys allowed here: $schema, version, profiles, renewal, crl, caIssuers, hookTimeout"
    `);
  });

  it('has a duration without its unit', () => {
    expect(refusalOf({ version: 1, crl: { validity: '30' } })).toMatchInlineSnapshot(`
      "exit 3, authority/invalid-settings
      ca.json: crl.validity is "30", allowed is a duration with its unit, such as 30s, 10m, 12h, 90d, 2w or 10y
      hint: edit ca.json; ca.schema.json beside it describes every key"
    `);
    expect(refusalOf({ version: 1, crl: { validity: 30 } })).toMatchInlineSnapshot(`
      "exit 3, authority/invalid-settings
      ca.json: crl.validity is 30, allowed is a duration in text such as "90d"
      hint: edit ca.json; ca.schema.json beside it describes every key"
    `);
  });

  it('has a contradiction', () => {
    expect(refusalOf({ version: 1, crl: { validity: '2d', refresh: '2d' } })).toMatchInlineSnapshot(`
      "exit 3, authority/invalid-settings
      ca.json: crl.refresh is "2d", allowed is at most half of crl.validity (2d), so that one missed run is no outage
      hint: edit ca.json; ca.schema.json beside it describes every key"
    `);
    expect(refusalOf({ version: 1, renewal: { within: '90d' } })).toMatchInlineSnapshot(`
      "exit 3, authority/invalid-settings
      ca.json: renewal.within is "90d", allowed is less than the validity of profile client (90d)
      hint: edit ca.json; ca.schema.json beside it describes every key"
    `);
  });

  it('has a kind of key, a purpose, or a URL that is not offered', () => {
    expect(refusalOf({ version: 1, profiles: { client: { key: 'rsa1024' } } })).toMatchInlineSnapshot(`
      "exit 3, authority/invalid-settings
      ca.json: profiles.client.key is "rsa1024", allowed is one of "p256", "p384", "ed25519", "rsa2048", "rsa3072", "rsa4096"
      hint: edit ca.json; ca.schema.json beside it describes every key"
    `);
    expect(
      refusalOf({ version: 1, profiles: { client: { extendedKeyUsage: ['any'] } } }),
    ).toMatchInlineSnapshot(`
      "exit 3, authority/invalid-settings
      ca.json: profiles.client.extendedKeyUsage[0] is "any", allowed is clientAuth, serverAuth or an object identifier in dots
      hint: edit ca.json; ca.schema.json beside it describes every key"
    `);
    expect(
      refusalOf({ version: 1, profiles: { client: { extendedKeyUsage: ['2.5.29.37.0'] } } }),
    ).toMatchInlineSnapshot(`
      "exit 3, authority/invalid-settings
      ca.json: profiles.client.extendedKeyUsage is "2.5.29.37.0", allowed is anything but anyExtendedKeyUsage
      hint: edit ca.json; ca.schema.json beside it describes every key"
    `);
    expect(
      refusalOf({ version: 1, crl: { urls: ['https://pki.acme.example/ca.crl'] } }),
    ).toMatchInlineSnapshot(`
      "exit 3, authority/invalid-settings
      ca.json: crl.urls[0] is "https://pki.acme.example/ca.crl", allowed is an http:// URL (https would need the certificate that it is to check)
      hint: edit ca.json; ca.schema.json beside it describes every key"
    `);
  });

  it('has a list in the place of an object', () => {
    expect(refusalOf({ version: 1, crl: [] })).toMatchInlineSnapshot(`
      "exit 3, authority/invalid-settings
      ca.json: crl is [], allowed is an object
      hint: edit ca.json; ca.schema.json beside it describes every key"
    `);
    expect(refusalOf([])).toMatchInlineSnapshot(`
      "exit 3, authority/invalid-settings
      ca.json: the document is [], allowed is an object
      hint: edit ca.json; ca.schema.json beside it describes every key"
    `);
    expect(refusalOf('null')).toMatchInlineSnapshot(`
      "exit 3, authority/invalid-settings
      ca.json: the document is null, allowed is an object
      hint: edit ca.json; ca.schema.json beside it describes every key"
    `);
  });

  it('has no version, or one to come', () => {
    expect(refusalOf({})).toMatchInlineSnapshot(`
      "exit 3, authority/invalid-settings
      ca.json: key version is missing
      hint: add it to ca.json; ca.schema.json beside it describes every key"
    `);
    expect(refusalOf({ version: 2 })).toMatchInlineSnapshot(`
      "exit 3, authority/invalid-settings
      ca.json: version is 2, allowed is one of 1
      hint: edit ca.json; ca.schema.json beside it describes every key"
    `);
  });

  it('is not JSON', () => {
    expect(refusalOf('{"version": 1,}')).toMatch(
      /^exit 3, authority\/invalid-settings\nca.json is not JSON: .*\nhint: look for a missing quote or a comma too many$/,
    );
    expect(refusalOf('')).toMatch(/^exit 3, authority\/invalid-settings\nca.json is not JSON: /);
  });

  it('names a relative directory for copies of the CRL', () => {
    expect(refusalOf({ version: 1, crl: { copyTo: ['www'] } })).toMatchInlineSnapshot(`
      "exit 3, authority/invalid-settings
      ca.json: crl.copyTo[0] is "www", allowed is an absolute path
      hint: edit ca.json; ca.schema.json beside it describes every key"
    `);
  });

  it('is missing', () => {
    const copy = field.copy();
    rmSync(copy.path('home/ca.json'));
    expect(copy.refusal(['issue', 'orders'])).toMatchInlineSnapshot(`
      "exit 3, store/not-found
      <work>/home/ca.json is missing
      hint: restore it from a backup, or write {"version":1} into it for the defaults"
    `);
  });

  it('is a directory', () => {
    const copy = field.copy();
    rmSync(copy.path('home/ca.json'));
    mkdirSync(copy.path('home/ca.json'));
    expect(copy.refusal(['issue', 'orders'])).toMatchInlineSnapshot(`
      "exit 3, store/io
      cannot read <work>/home/ca.json: it is a directory
      hint: put a file there, or name one"
    `);
  });

  it('does not keep the record from being read', () => {
    refusalOf('broken');
    expect(field.run(['list']).exitCode).toBe(0);
    expect(field.run(['show', 'billing']).exitCode).toBe(0);
    expect(field.run(['ledger', 'verify']).exitCode).toBe(0);
  });
});
