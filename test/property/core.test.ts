import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CaError } from '../../src/core/ca-error.ts';
import { clientNameKey, parseClientName } from '../../src/core/client-name.ts';
import {
  type AttributeType,
  attributeTypes,
  type DistinguishedName,
  formatDistinguishedName,
  parseDistinguishedName,
} from '../../src/core/distinguished-name.ts';
import { formatDuration, parseDuration } from '../../src/core/duration.ts';
import { printable } from '../../src/core/printable.ts';
import { encodeRevocationPage, type Revocation } from '../../src/core/revocation-page.ts';
import { type RevocationReason, revocationReasons } from '../../src/core/revocation-reason.ts';
import { formatIp, ipOctets, parseSan } from '../../src/core/san.ts';
import { parseSerial, serialFromOctets, serialOctets } from '../../src/core/serial.ts';
import { crlRevocations } from '../../src/x509/crl.ts';

/** Serials as INTEGER contents: positive, at most 20 octets. */
const serialContents = fc
  .uint8Array({ minLength: 1, maxLength: 20 })
  .filter((octets) => (octets[0] ?? 0) < 0x80 && octets.some((octet) => octet !== 0));

const nastyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: fc.constantFrom(...'\\,+"<>;=# a0Fü'), maxLength: 40 }),
);

const nearlyName = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 70 }),
  fc.string({ unit: fc.constantFrom(...'aZ9ü顧._@+-/\u0308\ufe0f'), maxLength: 12 }),
);

const attribute = fc
  .record({
    type: fc.constantFrom<AttributeType>('CN', 'O', 'OU', 'L', 'ST', 'UID'),
    value: nastyText,
  })
  .filter(({ value }) => value !== '' && printable(value) === value);

describe('a serial', () => {
  it('has one canonical form for every spelling', () => {
    fc.assert(
      fc.property(serialContents, fc.nat(4), fc.boolean(), (octets, zeros, upper) => {
        const serial = serialFromOctets(octets);
        const digits = serial.replace(/^0/, '');
        const spelt = '0'.repeat(zeros) + (upper ? digits.toUpperCase() : digits);
        expect(parseSerial(spelt)).toBe(serial);
        expect(parseSerial(`0x${spelt}`)).toBe(serial);
        expect(parseSerial(serial.replace(/(..)(?=.)/g, '$1:'))).toBe(serial);
        expect(serialFromOctets(Buffer.concat([Buffer.of(0), serialOctets(serial)]))).toBe(serial);
      }),
    );
  });
});

describe('a distinguished name', () => {
  it('reads back from its RFC 4514 text', () => {
    fc.assert(
      fc.property(fc.array(attribute, { maxLength: 4 }), (name) => {
        expect(parseDistinguishedName(formatDistinguishedName(name))).toEqual(name);
      }),
    );
  });

  it('is refused or canonical, whatever the text', () => {
    const text = fc.string({ unit: fc.constantFrom(...'CNO=,\\ #+;"aé0f\n'), maxLength: 30 });
    fc.assert(
      fc.property(text, (found) => {
        let name: DistinguishedName;
        try {
          name = parseDistinguishedName(`CN=x,${found}`);
        } catch (error) {
          expect(error).toBeInstanceOf(CaError);
          return;
        }
        expect(parseDistinguishedName(formatDistinguishedName(name))).toEqual(name);
        for (const { type } of name) expect(attributeTypes).toHaveProperty(type);
      }),
    );
  });
});

describe('a client name', () => {
  it('is taken unchanged or refused, and is always safe as a file name', () => {
    fc.assert(
      fc.property(nearlyName, (text) => {
        try {
          expect(parseClientName(text)).toBe(text);
        } catch (error) {
          expect(error).toBeInstanceOf(CaError);
          return;
        }
        expect(text).not.toMatch(/[/\\\0]|^\.|\.\./);
        expect(printable(text)).toBe(text);
      }),
    );
  });

  it('has a key that is its own key, and that of its other cases', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 20 }), (text) => {
        const key = clientNameKey(text);
        expect(clientNameKey(key)).toBe(key);
        expect(clientNameKey(text.toUpperCase())).toBe(key);
        expect(clientNameKey(text.normalize('NFD'))).toBe(key);
      }),
    );
  });
});

describe('an IP address', () => {
  it('reads back from its canonical text', () => {
    const octets = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      fc
        .array(fc.constantFrom(0, 0, 0, 1), { minLength: 16, maxLength: 16 })
        .map((list) => Uint8Array.from(list)),
    );
    fc.assert(
      fc.property(octets, (address) => {
        const text = formatIp(address);
        expect([...ipOctets(text)]).toEqual([...address]);
        expect(parseSan('ip', text.toUpperCase()).value).toBe(text);
        // The WHATWG URL parser writes RFC 5952 too.
        if (address.length === 16) expect(new URL(`http://[${text}]/`).hostname).toBe(`[${text}]`);
      }),
    );
  });
});

describe('a SAN', () => {
  it('is canonical or refused, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('dns', 'ip', 'email', 'uri'),
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.string({ unit: fc.constantFrom(...'a1.:@*-/%_ ') }),
          fc.webUrl(),
        ),
        (type, text) => {
          try {
            const { value } = parseSan(type, text);
            expect(parseSan(type, value).value).toBe(value);
            expect(value).toMatch(/^[!-~]+$/);
          } catch (error) {
            expect(error).toBeInstanceOf(CaError);
          }
        },
      ),
    );
  });
});

describe('a duration', () => {
  it('is said in at most two units', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 876_000 }), fc.constantFrom(...'smh'), (count, unit) => {
        expect(formatDuration(parseDuration(`${count}${unit}`))).toMatch(/^\d+[ydhms]( \d+[ydhms])?$/);
      }),
    );
  });
});

describe('a revocation page', () => {
  it('gives back what was put in', () => {
    const seconds = fc.integer({ min: 1, max: 253_402_300_799 }).map((count) => new Date(count * 1000));
    const revocation = fc.record(
      {
        serial: serialContents.map(serialFromOctets),
        reason: fc.constantFrom(...(Object.keys(revocationReasons) as RevocationReason[])),
        revokedAt: seconds,
        invalidityDate: seconds,
      },
      { requiredKeys: ['serial', 'reason', 'revokedAt'] },
    );
    fc.assert(
      fc.property(fc.array(revocation, { maxLength: 20 }), (revocations) => {
        expect([...crlRevocations({ entries: encodeRevocationPage(revocations as Revocation[]) })]).toEqual(
          revocations,
        );
      }),
    );
  });
});
