import { describe, expect, it } from 'vitest';
import {
  decodeRevocationPage,
  encodeRevocationPage,
  type Revocation,
  revocationWidth,
} from '../../../src/core/revocation-page.ts';
import { parseSerial } from '../../../src/core/serial.ts';

const revocations: Revocation[] = [
  { serial: parseSerial('01'), revokedAt: new Date('2026-11-22T09:30:00Z'), reason: 'unspecified' },
  {
    serial: parseSerial('7f'.repeat(20)),
    revokedAt: new Date('9999-12-31T23:59:59Z'),
    reason: 'keyCompromise',
    invalidityDate: new Date('1970-01-01T00:00:01Z'),
  },
];

describe('a revocation page', () => {
  it('gives back what was put in', () => {
    const page = encodeRevocationPage(revocations);
    expect(page).toHaveLength(2 * revocationWidth);
    expect(decodeRevocationPage(page)).toEqual(revocations);
  });

  it('is read where it lies in a larger buffer', () => {
    const larger = Buffer.concat([Buffer.alloc(3, 0xff), encodeRevocationPage(revocations)]);
    expect(decodeRevocationPage(larger.subarray(3))).toEqual(revocations);
  });

  it('may be empty', () => {
    expect(decodeRevocationPage(encodeRevocationPage([]))).toEqual([]);
  });
});
