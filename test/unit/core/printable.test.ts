import { describe, expect, it } from 'vitest';
import { CaError } from '../../../src/core/ca-error.ts';
import { parseClientName } from '../../../src/core/client-name.ts';
import { parseDistinguishedName } from '../../../src/core/distinguished-name.ts';
import { parseDuration } from '../../../src/core/duration.ts';
import { parseInstant } from '../../../src/core/instant.ts';
import { parseKeyAlgorithm } from '../../../src/core/key-algorithm.ts';
import { beginning, printable } from '../../../src/core/printable.ts';
import { parseRenewalWindow } from '../../../src/core/renewal-window.ts';
import { parseRevocationReason } from '../../../src/core/revocation-reason.ts';
import { parseSan } from '../../../src/core/san.ts';
import { parseSerial } from '../../../src/core/serial.ts';

describe('printable', () => {
  it.each([
    ['an ANSI escape', '\u001b[31m', '\\u{1b}[31m'],
    ['line breaks', 'a\r\nb\u2028c', 'a\\u{d}\\u{a}b\\u{2028}c'],
    ['DEL and C1', '\u007f\u009b', '\\u{7f}\\u{9b}'],
    ['bidirectional controls', '\u202e\u2066', '\\u{202e}\\u{2066}'],
    ['invisible characters', '\u200b\u00ad\ufeff', '\\u{200b}\\u{ad}\\u{feff}'],
    ['a tag beyond the BMP', '\u{e0041}', '\\u{e0041}'],
    ['a lone surrogate', '\ud800', '\\u{d800}'],
  ])('shows %s', (_, text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  it('leaves words of all scripts as they are', () => {
    const text = 'Jürgen O’Neil <顧客> 😀 \\ "x"';
    expect(printable(text)).toBe(text);
  });
});

describe('beginning', () => {
  it('is all of 80 characters, and the first 80 of more', () => {
    expect(beginning('x'.repeat(80))).toBe('x'.repeat(80));
    expect(beginning('x'.repeat(81))).toBe(`${'x'.repeat(80)}…`);
  });

  it.each<[string, (text: string) => unknown]>([
    ['a client name', parseClientName],
    ['a subject', parseDistinguishedName],
    ['the value of a subject', (text) => parseDistinguishedName(`CN=${text}`)],
    ['a DNS name', (text) => parseSan('dns', text)],
    ['an IP address', (text) => parseSan('ip', text)],
    ['an e-mail address', (text) => parseSan('email', text)],
    ['a URI', (text) => parseSan('uri', text)],
    ['a serial', parseSerial],
    ['a reason', parseRevocationReason],
    ['an instant', parseInstant],
    ['a duration', parseDuration],
    ['a renewal window', parseRenewalWindow],
    ['a kind of key', parseKeyAlgorithm],
  ])('is all that a refusal quotes of %s', (_, parse) => {
    const refusal = refusalOf(() => parse('x'.repeat(5000)));
    expect(refusal).toMatch(/x{70}…/);
    expect(refusal.length).toBeLessThan(300);
  });
});

function refusalOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof CaError) return `${error.message}, ${error.hint}`;
  }
  throw new Error('it was not refused');
}
