import { describe, expect, it } from 'vitest';
import { printable } from '../../../src/core/printable.ts';

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
