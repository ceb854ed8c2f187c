import { describe, expect, it } from 'vitest';
import { formatIp, formatSan, ipOctets, isDnsWithin, parseSan, type SanType } from '../../../src/core/san.ts';
import { refusalOf } from '../../support/refusal.ts';

const label63 = 'a'.repeat(63);

const good: readonly (readonly [SanType, string, string])[] = [
  ['dns', 'api.example.com', 'api.example.com'],
  ['dns', 'API.Example.COM', 'api.example.com'],
  ['dns', '*.example.com', '*.example.com'],
  ['dns', 'localhost', 'localhost'],
  ['dns', 'xn--bcher-kva.example', 'xn--bcher-kva.example'],
  ['dns', '_sip.example.com', '_sip.example.com'],
  ['dns', `${label63}.example`, `${label63}.example`],
  ['dns', '1e100.net', '1e100.net'],
  ['ip', '10.0.0.7', '10.0.0.7'],
  ['ip', '255.255.255.255', '255.255.255.255'],
  ['ip', '2001:DB8:0:0:0:0:0:7', '2001:db8::7'],
  ['ip', '2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['ip', '2001:0:0:1::1', '2001:0:0:1::1'],
  ['ip', '::', '::'],
  ['ip', '::1', '::1'],
  ['ip', '1::', '1::'],
  ['ip', '::ffff:10.0.0.7', '::ffff:a00:7'],
  ['email', 'ops@Example.com', 'ops@example.com'],
  ['email', "o'brien+x@example.com", "o'brien+x@example.com"],
  ['uri', 'spiffe://example.com/billing', 'spiffe://example.com/billing'],
  ['uri', 'spiffe://example.com', 'spiffe://example.com'],
  ['uri', 'https://example.com/a%20b?c=d#e', 'https://example.com/a%20b?c=d#e'],
  ['uri', 'urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6', 'urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6'],
];

const bad: readonly (readonly [SanType, string, string])[] = [
  ['dns', '', 'has an empty label'],
  ['dns', 'a..b', 'has an empty label'],
  ['dns', 'example.com.', 'has an empty label'],
  ['dns', 'a b.example', 'has the malformed label "a b"'],
  ['dns', ' example.com', 'has the malformed label " example"'],
  ['dns', '-a.example', 'has the malformed label "-a"'],
  ['dns', 'a-.example', 'has the malformed label "a-"'],
  ['dns', 'a.*.example', 'has the malformed label "*"'],
  ['dns', 'a*.example', 'has the malformed label "a*"'],
  ['dns', '*', 'has the malformed label "*"'],
  ['dns', `${label63}a.example`, 'has the malformed label'],
  ['dns', `${label63}.${label63}.${label63}.${label63}`, 'has 255 octets > 253 allowed'],
  ['dns', 'bücher.example', 'is not ASCII'],
  ['dns', 'a\nb.example', 'is not ASCII'],
  ['dns', 'a\0.example', 'is not ASCII'],
  ['dns', '10.0.0.7', 'is an IP address'],
  ['dns', 'example.com:443', 'has the malformed label "com:443"'],
  ['dns', 'https://example.com', 'has the malformed label'],
  ['ip', '', 'is not an IPv4 or IPv6 address'],
  ['ip', '10.0.0', 'is not an IPv4 or IPv6 address'],
  ['ip', '10.0.0.256', 'is not an IPv4 or IPv6 address'],
  ['ip', '10.0.0.07', 'is not an IPv4 or IPv6 address'],
  ['ip', '10.0.0.0/8', 'is not an IPv4 or IPv6 address'],
  ['ip', '10.0.0.7:443', 'is not an IPv4 or IPv6 address'],
  ['ip', '1::2::3', 'is not an IPv4 or IPv6 address'],
  ['ip', ':::', 'is not an IPv4 or IPv6 address'],
  ['ip', '1:2:3:4:5:6:7', 'is not an IPv4 or IPv6 address'],
  ['ip', '1:2:3:4:5:6:7:8:9', 'is not an IPv4 or IPv6 address'],
  ['ip', '1:2:3:4::5:6:7:8', 'is not an IPv4 or IPv6 address'],
  ['ip', '12345::', 'is not an IPv4 or IPv6 address'],
  ['ip', 'fe80::1%eth0', 'is not an IPv4 or IPv6 address'],
  ['ip', '::ffff:10.0.0.256', 'is not an IPv4 or IPv6 address'],
  ['ip', 'api.example.com', 'is not an IPv4 or IPv6 address'],
  ['email', 'ops', 'is not an ASCII mailbox'],
  ['email', '@example.com', 'is not an ASCII mailbox'],
  ['email', 'a b@example.com', 'is not an ASCII mailbox'],
  ['email', 'a..b@example.com', 'is not an ASCII mailbox'],
  ['email', '.a@example.com', 'is not an ASCII mailbox'],
  ['email', 'jörg@example.com', 'is not an ASCII mailbox'],
  ['email', `${'a'.repeat(65)}@example.com`, 'is not an ASCII mailbox'],
  ['email', 'Ops <ops@example.com>', 'is not an ASCII mailbox'],
  ['email', 'ops@*.example.com', 'has the malformed label "*"'],
  ['email', 'ops@', 'has an empty label'],
  ['uri', 'billing', 'is not absolute'],
  ['uri', '/billing', 'is not absolute'],
  ['uri', 'a:', 'is not absolute'],
  ['uri', 'http://a b/', 'holds a space'],
  ['uri', 'http://bücher.example/', 'holds a space or a character beyond ASCII'],
  ['uri', 'http://example.com/<x>', 'holds a character that URIs do not have'],
  ['uri', 'http://example.com/100%', 'holds a character that URIs do not have'],
  ['uri', 'http://', 'is not a URI'],
  ['uri', `http://example.com/${'a'.repeat(2048)}`, 'has 2067 octets > 2048 allowed'],
  ['uri', 'spiffe://user@example.com/x', 'is not a SPIFFE ID'],
  ['uri', 'spiffe://example.com:443/x', 'is not a SPIFFE ID'],
  ['uri', 'spiffe://example.com/x?y', 'is not a SPIFFE ID'],
  ['uri', 'spiffe://example.com/x#y', 'is not a SPIFFE ID'],
  ['uri', 'spiffe://example.com//x', 'is not a SPIFFE ID'],
  ['uri', 'spiffe://example.com/x/', 'is not a SPIFFE ID'],
  ['uri', 'spiffe://example.com/../x', 'is not a SPIFFE ID'],
  ['uri', 'spiffe://Example.com/x', 'is not a SPIFFE ID'],
  ['uri', 'SPIFFE://example.com/x', 'is not a SPIFFE ID'],
  ['uri', 'spiffe:///x', 'is not a SPIFFE ID'],
];

describe('parseSan', () => {
  it.each(good)('takes %s %j', (type, text, value) => {
    expect(parseSan(type, text)).toEqual({ type, value });
    expect(parseSan(type, value).value).toBe(value);
  });

  it.each(bad)('refuses %s %j', (type, text, fault) => {
    const refusal = refusalOf(() => parseSan(type, text));
    expect(refusal).toMatchObject({ code: 'core/invalid-san', message: expect.stringContaining(fault) });
    expect(refusal.message).toMatch(/^[^\p{Cc}\p{Cf}]*$/u);
  });

  it('shows no more than 100 characters of what it refuses', () => {
    expect(refusalOf(() => parseSan('dns', `${'a'.repeat(5000)} `)).message.length).toBeLessThan(200);
  });
});

describe('addresses', () => {
  it('have 4 or 16 octets (RFC 5280 §4.2.1.6)', () => {
    expect(ipOctets('10.0.0.7')).toEqual(Uint8Array.of(10, 0, 0, 7));
    expect(ipOctets('::1')).toEqual(Buffer.from(`${'00'.repeat(15)}01`, 'hex'));
    expect(() => formatIp(new Uint8Array(8))).toThrow('an IP address has 8 octets, not 4 or 16');
  });
});

describe('formatSan', () => {
  it('is one word', () => {
    expect(formatSan({ type: 'dns', value: 'api.example.com' })).toBe('dns:api.example.com');
  });
});

describe('isDnsWithin (RFC 5280 §4.2.1.10)', () => {
  it.each([
    ['example.com', 'example.com', true],
    ['api.example.com', 'example.com', true],
    ['API.example.com', 'Example.COM', true],
    ['*.example.com', 'example.com', true],
    ['api.example.com', '.example.com', true],
    ['badexample.com', 'example.com', false],
    ['example.com.evil.net', 'example.com', false],
    ['com', 'example.com', false],
  ])('%s in %s: %s', (name, permitted, within) => {
    expect(isDnsWithin(name, permitted)).toBe(within);
  });
});
