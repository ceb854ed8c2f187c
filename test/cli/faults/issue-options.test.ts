import { describe, expect, it } from 'vitest';
import { FaultField } from '../../support/fault-field.ts';

const field = FaultField.withAuthority(
  '--no-passphrase',
  '--permit-dns',
  'acme.example',
  '--validity',
  '30d',
);
const issue = (...args: readonly string[]) =>
  field.refusal(['issue', 'billing', '--validity', '1d', ...args]);

describe('a subject alternative name that is refused', () => {
  it.each([
    ['--ip', '10.0.0', 'ip name "10.0.0" is not an IPv4 or IPv6 address'],
    ['--ip', '10.0.0.256', 'ip name "10.0.0.256" is not an IPv4 or IPv6 address'],
    ['--ip', '010.0.0.1', 'ip name "010.0.0.1" is not an IPv4 or IPv6 address'],
    ['--ip', '10.0.0.0/8', 'ip name "10.0.0.0/8" is not an IPv4 or IPv6 address'],
    ['--ip', 'fe80::1%eth0', 'ip name "fe80::1%eth0" is not an IPv4 or IPv6 address'],
    ['--ip', '::1::', 'ip name "::1::" is not an IPv4 or IPv6 address'],
    ['--dns', 'api acme.example', 'dns name "api acme.example" has the malformed label "api acme"'],
    ['--dns', 'api..acme.example', 'dns name "api..acme.example" has an empty label'],
    ['--dns', 'acme.example.', 'dns name "acme.example." has an empty label'],
    ['--dns', '', 'dns name "" has an empty label'],
    ['--dns', 'bücher.acme.example', 'dns name "bücher.acme.example" is not ASCII'],
    ['--dns', '-api.acme.example', 'dns name "-api.acme.example" has the malformed label "-api"'],
    ['--dns', 'a.*.acme.example', 'dns name "a.*.acme.example" has the malformed label "*"'],
    ['--dns', '10.0.0.1', 'dns name "10.0.0.1" is an IP address'],
    [
      '--dns',
      `${'a'.repeat(64)}.acme.example`,
      `dns name "${'a'.repeat(64)}.acme.example" has the malformed label "${'a'.repeat(64)}"`,
    ],
    ['--dns', 'a\u0007.acme.example', 'dns name "a\\u{7}.acme.example" is not ASCII'],
    ['--email', 'ops', 'email name "ops" is not an ASCII mailbox'],
    ['--email', 'öps@acme.example', 'email name "öps@acme.example" is not an ASCII mailbox'],
    ['--uri', '/billing', 'uri name "/billing" is not absolute (RFC 5280 §4.2.1.6)'],
    [
      '--uri',
      'spiffe://acme.example:443/billing',
      'uri name "spiffe://acme.example:443/billing" is not a SPIFFE ID',
    ],
    [
      '--uri',
      'https://acme.example/a b',
      'uri name "https://acme.example/a b" holds a space or a character beyond ASCII',
    ],
  ])('%s %s', (option, name, message) => {
    const [code, said, hint] = issue(option, name).split('\n');
    expect([code, said]).toEqual(['exit 2, core/invalid-san', message]);
    expect(hint).toMatch(/^hint: (?!NONE)/);
  });

  it('lies outside the names that the CA may certify', () => {
    expect(issue('--dns', 'api.evil.example')).toMatchInlineSnapshot(`
      "exit 3, authority/name-not-permitted
      dns:api.evil.example is outside the names that this CA may certify (acme.example)
      hint: the limit was set at init with --permit-dns and cannot be widened"
    `);
  });

  it('only ends like one that the CA may certify', () => {
    expect(issue('--dns', 'notacme.example')).toMatchInlineSnapshot(`
      "exit 3, authority/name-not-permitted
      dns:notacme.example is outside the names that this CA may certify (acme.example)
      hint: the limit was set at init with --permit-dns and cannot be widened"
    `);
  });

  it('lies outside through a wildcard', () => {
    expect(issue('--dns', '*.example')).toMatchInlineSnapshot(`
      "exit 3, authority/name-not-permitted
      dns:*.example is outside the names that this CA may certify (acme.example)
      hint: the limit was set at init with --permit-dns and cannot be widened"
    `);
  });

  it('is missing where a server needs one', () => {
    expect(issue('--profile', 'server')).toMatchInlineSnapshot(`
      "exit 3, authority/san-required
      profile server needs a name of type dns or ip
      hint: add one with --dns"
    `);
  });

  it('is one of two SPIFFE IDs', () => {
    expect(issue('--uri', 'spiffe://acme.example/a,spiffe://acme.example/b')).toMatchInlineSnapshot(`
      "exit 3, core/invalid-san
      a certificate with a SPIFFE ID has 2 URI names > 1 allowed (SPIFFE X509-SVID §2)
      hint: ask for one of them; give each workload a client of its own"
    `);
  });
});

describe('a life that is refused', () => {
  it('is longer than that of the CA', () => {
    expect(issue('--validity', '31d')).toMatchInlineSnapshot(`
      "exit 3, authority/validity-exceeds-issuer
      the certificate would end at <time>, after its CA at <time>
      hint: ask for less with --validity, or make a new authority"
    `);
  });

  it('is longer than that of the CA by default', () => {
    expect(field.refusal(['issue', 'billing'])).toMatchInlineSnapshot(`
      "exit 3, authority/validity-exceeds-issuer
      the certificate would end at <time>, after its CA at <time>
      hint: ask for less with --validity, or make a new authority"
    `);
  });

  it.each(['90', '90 d', '-1d', '1.5d', '0d', '1month', '', '9999999999d', '1d2h', '٣d'])(
    'is "%s"',
    (validity) => {
      const [code, said, hint] = issue('--validity', validity).split('\n');
      expect(code).toBe('exit 2, core/invalid-duration');
      expect(said).toContain(validity);
      expect(hint).toMatch(/^hint: (?!NONE)/);
    },
  );
});

describe('another option that is refused', () => {
  it('is an unknown profile', () => {
    expect(issue('--profile', 'admin')).toMatchInlineSnapshot(`
      "exit 3, authority/unknown-profile
      there is no profile "admin"
      hint: use one of: client, server, peer, or add one to ca.json"
    `);
  });

  it('is a profile with an escape sequence', () => {
    expect(issue('--profile', '\u001b[31m')).toMatchInlineSnapshot(`
      "exit 3, authority/unknown-profile
      there is no profile "\\u001b[31m"
      hint: use one of: client, server, peer, or add one to ca.json"
    `);
  });

  it('is an unknown kind of key', () => {
    expect(issue('--key', 'rsa1024')).toMatchInlineSnapshot(`
      "exit 2, core/invalid-key-algorithm
      key "rsa1024" is not offered
      hint: use one of: p256, p384, ed25519, rsa2048, rsa3072, rsa4096"
    `);
  });

  it('is an unknown option', () => {
    expect(issue('--validty', '1d')).toMatchInlineSnapshot(`
      "exit 2, cli/usage
      unknown option '--validty'
      hint: did you mean --validity? see: ca issue --help"
    `);
  });

  it('is a malformed subject', () => {
    expect(issue('--subject', 'billing')).toMatchInlineSnapshot(`
      "exit 2, core/invalid-name
      subject part "billing" is not TYPE=value
      hint: write it as CN=billing,O=Acme,C=DE with types of: CN, serialNumber, C, L, ST, O, OU, DC, UID"
    `);
    expect(issue('--subject', 'CN=a\nb')).toMatchInlineSnapshot(`
      "exit 2, core/invalid-name
      subject attribute CN="a\\u{a}b" holds a control character
      hint: write it on one line of visible characters"
    `);
    expect(issue('--subject', 'C=Germany,CN=billing')).toMatchInlineSnapshot(`
      "exit 2, core/invalid-name
      subject attribute C="Germany" has 7 characters > 2 allowed (RFC 5280 appendix A.1)
      hint: write two capital letters: C=DE"
    `);
  });

  it('is an empty subject without another name', () => {
    expect(issue('--subject', '')).toMatchInlineSnapshot(`
      "exit 3, authority/san-required
      a certificate with an empty subject needs a subject alternative name
      hint: add one with --dns, --ip, --email or --uri"
    `);
  });

  it('is an unknown reason or time of revocation', () => {
    field.do('issue', 'shipping', '--validity', '1d');
    expect(field.refusal(['revoke', 'shipping', '--reason', 'because'])).toMatchInlineSnapshot(`
      "exit 2, core/invalid-reason
      "because" is not a reason for revocation
      hint: use one of: unspecified, keyCompromise, cACompromise, affiliationChanged, superseded, cessationOfOperation, privilegeWithdrawn, aACompromise"
    `);
    expect(field.refusal(['revoke', 'shipping', '--compromised-at', 'yesterday'])).toMatchInlineSnapshot(`
      "exit 2, core/invalid-instant
      "yesterday" is not a UTC time
      hint: write it as <time> or <day>"
    `);
    expect(field.refusal(['revoke', 'shipping', '--compromised-at', '2999-01-01'])).toMatchInlineSnapshot(`
      "exit 3, core/invalid-instant
      the time of compromise, <time>, is in the future
      hint: give the time since when the key is not trusted"
    `);
  });
});
