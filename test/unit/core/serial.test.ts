import { describe, expect, it } from 'vitest';
import { looksLikeSerial, parseSerial, serialFromOctets, serialOctets } from '../../../src/core/serial.ts';
import { refusalOf } from '../../support/refusal.ts';

const canonical = '0a1b2c3d4e5f60718293';

describe('parseSerial', () => {
  it.each([
    canonical,
    '0A1B2C3D4E5F60718293',
    '0a:1b:2c:3d:4e:5f:60:71:82:93',
    '0A 1B 2C 3D 4E 5F 60 71 82 93',
    '0x0a1b2c3d4e5f60718293',
    '0XA1B2C3D4E5F60718293',
    'a1b2c3d4e5f60718293',
    '00000a1b2c3d4e5f60718293',
    'serial=0A1B2C3D4E5F60718293',
    ' 0a1b2c3d4e5f60718293\n',
  ])('takes %j', (text) => {
    expect(parseSerial(text)).toBe(canonical);
    expect(looksLikeSerial(text)).toBe(true);
  });

  it.each(['', 'billing', '0x', '-0a', '0a1g', '0a.1b', '٣٤'])(
    'refuses %j, which is not hexadecimal',
    (text) => {
      expect(refusalOf(() => parseSerial(text))).toMatchObject({
        code: 'core/invalid-serial',
        message: expect.stringContaining('is not hexadecimal'),
        hint: 'list the serials with: ca list',
      });
    },
  );

  it.each(['0', '0000', '00:00'])('refuses %j, which is not positive (RFC 5280 §4.1.2.2)', (text) => {
    expect(refusalOf(() => parseSerial(text)).message).toBe(`serial "${text}" is not positive`);
  });

  it('takes 20 octets and refuses more, the sign octet included (RFC 5280 §4.1.2.2)', () => {
    expect(parseSerial('7f'.repeat(20))).toBe('7f'.repeat(20));
    expect(parseSerial('ff'.repeat(19))).toBe('ff'.repeat(19));
    for (const text of ['80'.repeat(20), '01'.repeat(21)]) {
      expect(refusalOf(() => parseSerial(text)).message).toContain('serial has 21 octets > 20 allowed');
    }
  });
});

describe('looksLikeSerial', () => {
  it.each(['billing', 'cafe', 'deadbeef', 'ab-cd-ef-01-23-45-67-89', '0a1b2c3d4e5f6071.pem'])(
    'leaves %j to clients and files',
    (text) => {
      expect(looksLikeSerial(text)).toBe(false);
    },
  );
});

describe('serialFromOctets', () => {
  it('drops the sign octet and reads back the same', () => {
    expect(serialFromOctets(Uint8Array.of(0, 0xff, 1))).toBe('ff01');
    expect(serialOctets(serialFromOctets(Uint8Array.of(0, 0xff, 1)))).toEqual(Buffer.of(0xff, 1));
  });

  it('refuses a negative INTEGER', () => {
    expect(refusalOf(() => serialFromOctets(Uint8Array.of(0xff, 1))).message).toBe('serial ff01 is negative');
  });

  it.each([[Uint8Array.of()], [Uint8Array.of(0)]])('refuses zero', (octets) => {
    expect(refusalOf(() => serialFromOctets(octets)).code).toBe('core/invalid-serial');
  });
});
