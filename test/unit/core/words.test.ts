import { describe, expect, it } from 'vitest';
import { CaError, errorCodes } from '../../../src/core/ca-error.ts';
import { parseKeyAlgorithm } from '../../../src/core/key-algorithm.ts';
import {
  parseRevocationReason,
  reasonOfCode,
  revocationReasons,
} from '../../../src/core/revocation-reason.ts';
import { refusalOf } from '../../support/refusal.ts';

describe('parseRevocationReason', () => {
  it.each([
    ['keyCompromise', 'keyCompromise'],
    ['key-compromise', 'keyCompromise'],
    ['KEYCOMPROMISE', 'keyCompromise'],
    ['cessation-of-operation', 'cessationOfOperation'],
  ])('takes %s', (text, reason) => {
    expect(parseRevocationReason(text)).toBe(reason);
  });

  it.each(['', 'stolen', 'certificateHold', 'removeFromCRL', 'toString'])('refuses %j', (text) => {
    expect(refusalOf(() => parseRevocationReason(text))).toMatchObject({
      code: 'core/invalid-reason',
      hint: expect.not.stringContaining('certificateHold'),
    });
  });

  it('has the codes of RFC 5280 §5.3.1, without 7 and 8', () => {
    expect(Object.values(revocationReasons)).toEqual([0, 1, 2, 3, 4, 5, 6, 9, 10]);
    expect(reasonOfCode(1)).toBe('keyCompromise');
    expect(reasonOfCode(8)).toBeUndefined();
  });
});

describe('parseKeyAlgorithm', () => {
  it('takes the usual spellings', () => {
    expect(['P-256', 'Ed25519', 'rsa_3072'].map((text) => parseKeyAlgorithm(text))).toEqual([
      'p256',
      'ed25519',
      'rsa3072',
    ]);
  });

  it('refuses others, and those that are not allowed here', () => {
    expect(refusalOf(() => parseKeyAlgorithm('rsa1024')).code).toBe('core/invalid-key-algorithm');
    expect(refusalOf(() => parseKeyAlgorithm('rsa2048', ['p256', 'rsa3072'])).hint).toBe(
      'use one of: p256, rsa3072',
    );
  });
});

describe('CaError', () => {
  it('lists each code once, as <room>/<what>', () => {
    expect(new Set(errorCodes).size).toBe(errorCodes.length);
    for (const code of errorCodes)
      expect(code).toMatch(/^(cli|core|x509|lint|ledger|authority|store)\/[a-z-]+$/);
  });

  it('keeps its cause only if there is one', () => {
    expect('cause' in new CaError('store/io', 'x')).toBe(false);
    expect(new CaError('store/io', 'x', { cause: 7 }).cause).toBe(7);
  });
});
