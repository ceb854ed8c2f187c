import { malformed } from './der-reader.ts';

/** One block of a PEM file: what stands behind BEGIN, and the octets. */
export interface PemBlock {
  readonly label: string;
  readonly der: Uint8Array;
}

const lineLength = 64;

/** The octets as one PEM block, with lines of 64 characters and a final newline (RFC 7468 §2 and §3). */
export function encodePem(label: string, der: Uint8Array): string {
  const base64 = Buffer.from(der.buffer, der.byteOffset, der.byteLength).toString('base64');
  const octets = Buffer.from(base64, 'latin1');
  const lines = Math.ceil(octets.length / lineLength);
  const body = Buffer.allocUnsafe(octets.length + lines);
  let at = 0;
  for (let start = 0; start < octets.length; start += lineLength) {
    at += octets.copy(body, at, start, start + lineLength);
    body[at++] = 0x0a;
  }
  return `-----BEGIN ${label}-----\n${body.toString('latin1')}-----END ${label}-----\n`;
}

/**
 * The blocks of a PEM file, in their order; text around them is passed over, as RFC 7468 §2 asks.
 *
 * Throws `x509/malformed` if there is none, and for a block that is cut off, ends under another label, bears
 * headers, or is not canonical base64: a file that two readers could read differently is refused.
 */
export function decodePem(text: string): PemBlock[] {
  const blocks: PemBlock[] = [];
  let at = 0;
  for (;;) {
    const start = text.indexOf(begin, at);
    if (start < 0) break;
    const lineEnd = endOfLine(text, start);
    const label = /^-----BEGIN ([A-Z0-9]+(?:[ -][A-Z0-9]+)*)-----[ \t\r]*$/.exec(
      text.slice(start, lineEnd),
    )?.[1];
    if (label === undefined || !isLineStart(text, start))
      throw malformed('PEM has a malformed BEGIN line', start);
    const end = text.indexOf('-----', lineEnd);
    const closing = `-----END ${label}-----`;
    if (end < 0 || !text.startsWith(closing, end) || !isLineStart(text, end)) {
      throw malformed(`PEM block ${label} has no END line of its own`, start);
    }
    blocks.push({ label, der: decodeBody(text.slice(lineEnd, end), label, start) });
    at = end + closing.length;
  }
  if (blocks.length === 0) throw malformed('text holds no PEM block');
  return blocks;
}

const begin = '-----BEGIN ';

function decodeBody(body: string, label: string, offset: number): Uint8Array {
  if (body.includes(':'))
    throw malformed(`PEM block ${label} bears headers, as no RFC 7468 block does`, offset);
  const base64 = body.replace(/[ \t]*\r?\n|[ \t]+$/g, '');
  const der = Buffer.from(base64, 'base64');
  // Node's decoder skips what is not base64; encoding again shows whether anything was skipped.
  if (der.length === 0 || der.toString('base64') !== base64) {
    throw malformed(`PEM block ${label} is not canonical base64`, offset);
  }
  return der;
}

function endOfLine(text: string, start: number): number {
  const end = text.indexOf('\n', start);
  return end < 0 ? text.length : end;
}

function isLineStart(text: string, at: number): boolean {
  return at === 0 || text.charCodeAt(at - 1) === 0x0a;
}
