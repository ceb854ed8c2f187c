/**
 * `text` with everything that could steer a terminal or break a line shown as `\u{…}`: C0, C1, DEL, line and
 * paragraph separators, and bidirectional controls. What outsiders wrote (CSR subjects, file names, SANs)
 * passes here before it reaches a message or a table.
 */
export function printable(text: string): string {
  // Nearly all text is plain, and Unicode classes cost a millisecond where they are first met.
  if (/^[ -~]*$/.test(text)) return text;
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

/** A text that somebody gave, as a message quotes it. */
export function quoted(text: string): string {
  return JSON.stringify(beginning(text));
}

const mostQuoted = 80;

/** What a message quotes of `text`, which may be a whole file by mistake: all of it, or its first 80 characters and `…`. */
export function beginning(text: string): string {
  return text.length > mostQuoted ? `${text.slice(0, mostQuoted).replace(/[\ud800-\udbff]$/, '')}…` : text;
}
