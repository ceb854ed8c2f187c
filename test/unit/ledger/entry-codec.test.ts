import { describe, expect, it } from 'vitest';
import { type EntryBody, noPreviousEntry } from '../../../src/ledger/entry.ts';
import { encodeEntry, parseEntry } from '../../../src/ledger/entry-codec.ts';
import {
  added,
  created,
  crlPublished,
  delivered,
  issued,
  keyCompromised,
  revoked,
} from '../../support/ledger-entries.ts';

const head = { seq: 3, time: new Date('2026-11-22T09:30:00.250Z'), prev: 'ab'.repeat(32) };
const where = 'line 3 of ledger/00000001.jsonl';

function parse(line: string) {
  return parseEntry(Buffer.from(line), where);
}

const bodies: Record<string, EntryBody> = {
  'authority-created': created({ issuing: 'AQID' }),
  'authority-created, one tier': created(),
  'client-added': added('jörg.müller', {
    subject: 'CN=billing,O=Acme\\, Inc.',
    subjectAltNames: [
      { type: 'dns', value: 'api.example.com' },
      { type: 'ip', value: '2001:db8::7' },
      { type: 'uri', value: 'spiffe://example.com/billing' },
    ],
    validity: '90d',
    key: 'csr',
    delivery: { kind: 'directory', path: '/srv/"billing"\n' },
    pkcs12: { kind: 'compat', passwordFile: '/etc/pw' },
    hook: 'systemctl reload nginx',
  }),
  'client-added, plain': added('billing', { pkcs12: { kind: 'modern' } }),
  issued: issued('billing', '0a1b', { supersedes: issued('x', '0a').serial }),
  'issued, adopted': issued('billing', '0a1b', { adopted: true }),
  delivered: delivered('billing', '0a1b'),
  revoked: revoked('billing', '0a1b', { invalidityDate: new Date('2026-11-01T00:00:00Z') }),
  'key-compromised': keyCompromised('billing', '0a1b', 'cd'.repeat(32)),
  'crl-published': crlPublished(1763800000000, new Date('2026-11-22T00:00:00Z')),
  'passphrase-changed': { type: 'passphrase-changed', issuer: 'issuing' },
  'tail-set-aside': { type: 'tail-set-aside', file: 'torn-4-1.bin', octets: 17 },
};

describe('encodeEntry', () => {
  it('writes the keys in one order, whole seconds in dates and milliseconds in time', () => {
    expect(encodeEntry(head, issued('billing', '0a1b'))).toBe(
      `{"seq":3,"time":"2026-11-22T09:30:00.250Z","type":"issued","prev":"${'ab'.repeat(32)}","client":"billing",` +
        `"serial":"0a1b","notBefore":"2026-11-22T00:00:00Z","notAfter":"2027-02-20T00:00:00Z",` +
        `"key":"${'0a1b'.padStart(64, '0')}","profile":"client","subject":"CN=billing",` +
        `"certificate":"${Buffer.from('certificate 0a1b').toString('base64')}"}`,
    );
  });

  it.each(Object.entries(bodies))('writes %s so that it reads back the same', (_, body) => {
    expect(parse(encodeEntry(head, body))).toEqual({ ...head, ...body });
  });
});

describe('parseEntry refuses', () => {
  const good = encodeEntry(head, issued('billing', '0a1b'));

  it.each([
    ['text that is not JSON', 'hello', 'is not JSON'],
    ['an empty line', '', 'is not JSON'],
    ['a list', '[]', 'is not an object'],
    ['an unknown type', good.replace('"issued"', '"isued"'), 'has the unknown type "isued"'],
    ['a type that is a property of every object', good.replace('"issued"', '"toString"'), 'unknown type'],
    ['an unknown key', good.replace('"key":', '"extra":1,"key":'), 'has the unknown key "extra"'],
    ['an adoption that is none', good.replace(/}$/, ',"adopted":false}'), 'key "adopted" is not true'],
    ['a missing key', good.replace(/"key":"\w+",/, ''), 'has no key "key"'],
    [
      'keys in another order',
      good.replace(/("client":"billing"),("serial":"0a1b")/, '$2,$1'),
      'has the key "serial" out of order',
    ],
    [
      'a head in another order',
      good.replace(/("seq":3),("time":"[^"]*")/, '$2,$1'),
      'is not in canonical form (order of keys, spaces or escapes)',
    ],
    ['a key twice', good.replace('"serial"', '"client":"billing","serial"'), 'canonical form'],
    ['a space', good.replace('{', '{ '), 'canonical form'],
    ['a needless escape', good.replace('"billing"', '"\\u0062illing"'), 'canonical form'],
    ['a carriage return', `${good}\r`, 'canonical form'],
    ['a client name that is none', good.replace('"billing"', '"../x"'), 'key "client": client name "../x"'],
    [
      'a serial in another spelling',
      good.replace('"0a1b"', '"0A1B"'),
      'key "serial" is not a serial in canonical form',
    ],
    ['a serial with a leading zero octet', good.replace('"0a1b"', '"000a1b"'), 'key "serial"'],
    ['30 February', good.replace('2027-02-20', '2027-02-30'), 'key "notAfter": "2027-02-30T00:00:00Z"'],
    [
      'a day without its time',
      good.replace('2027-02-20T00:00:00Z', '2027-02-20'),
      'key "notAfter" is not a UTC time in seconds',
    ],
    [
      'time without milliseconds',
      good.replace('.250Z', 'Z'),
      'key "time" is not a UTC time with milliseconds',
    ],
    [
      'a number with a fraction',
      good.replace('"seq":3', '"seq":3.5'),
      'key "seq" is not a whole number >= 1',
    ],
    ['a key hash in upper case', good.replace(/0a1b"(,"profile)/, '0A1B"$1'), 'key "key" is not a SHA-256'],
    [
      'base64 with loose bits',
      good.replace(/"certificate":".*"/, '"certificate":"AB=="'),
      'canonical base64',
    ],
  ])('%s', (_, line, message) => {
    expect(() => parse(line)).toThrow(
      expect.objectContaining({ code: 'ledger/malformed', message: expect.stringContaining(`${where} `) }),
    );
    expect(() => parse(line)).toThrow(message);
  });

  it('octets that are not UTF-8', () => {
    const line = Buffer.from(encodeEntry(head, added('jörg')));
    line[line.indexOf(0xc3)] = 0xff;
    expect(() => parseEntry(line, where)).toThrow(expect.objectContaining({ code: 'ledger/malformed' }));
  });

  it('a delivery that is two kinds at once', () => {
    const line = encodeEntry(head, added('billing')).replace('"kind":"home"', '"kind":"home","path":"/x"');
    expect(() => parse(line)).toThrow('key "policy" key "delivery" has the unknown key "path"');
  });

  it('a SAN that is not canonical', () => {
    const line = encodeEntry(head, added('b', { subjectAltNames: [{ type: 'dns', value: 'A.example' }] }));
    expect(() => parse(line)).toThrow('key "policy" key "subjectAltNames" key "0" is not in canonical form');
  });

  it('a version it does not know, saying that it must be upgraded', () => {
    const line = encodeEntry({ seq: 1, time: head.time, prev: noPreviousEntry }, created());
    expect(() => parse(line.replace('"version":1', '"version":2'))).toThrow(
      expect.objectContaining({
        code: 'ledger/unknown-version',
        hint: 'upgrade this program',
      }),
    );
    expect(() => parse(line.replace('"version":1', '"version":"1"'))).toThrow('key "version" is not 1');
  });
});
