import { malformed } from './der-reader.ts';

/** One block of a PEM file: what stands behind BEGIN, and the octets. */
export interface PemBlock {
  readonly label: string;
  readonly der: Uint8Array;
}

const lineLength = 64;
/** What a line holds. */
const lineOctets = 48;
/** How much is encoded at once: whole lines. */
const batchOctets = lineOctets * 1024;

/** The octets as one PEM block, with lines of 64 characters and a final newline (RFC 7468 §2 and §3). */
export function encodePem(label: string, der: Uint8Array): string {
  return `-----BEGIN ${label}-----\n${pemLines(der).toString('latin1')}-----END ${label}-----\n`;
}

/** {@link encodePem} of an encoding that is there in pieces, in pieces too: a large one is never in memory whole. */
export function* pemPieces(label: string, der: Iterable<Uint8Array>): Generator<Uint8Array> {
  yield Buffer.from(`-----BEGIN ${label}-----\n`, 'latin1');
  for (const batch of inBatches(der)) yield pemLines(batch);
  yield Buffer.from(`-----END ${label}-----\n`, 'latin1');
}

/** The same octets in pieces that end with a line, but for the last. */
function* inBatches(pieces: Iterable<Uint8Array>): Generator<Uint8Array> {
  let rest = Buffer.alloc(0);
  for (const piece of pieces) {
    const taken = rest.length === 0 ? 0 : Math.min(batchOctets - rest.length, piece.length);
    if (taken > 0) rest = Buffer.concat([rest, piece.subarray(0, taken)]);
    let at = taken;
    if (rest.length === batchOctets) {
      yield rest;
      rest = Buffer.alloc(0);
    }
    for (; piece.length - at >= batchOctets; at += batchOctets) yield piece.subarray(at, at + batchOctets);
    if (at < piece.length) rest = Buffer.from(piece.subarray(at));
  }
  if (rest.length > 0) yield rest;
}

function pemLines(octets: Uint8Array): Buffer {
  const text = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString('base64');
  const lines = Math.ceil(text.length / lineLength);
  const body = Buffer.allocUnsafe(text.length + lines);
  // The text goes behind, and its lines forward to where they belong: each move is to before what is not moved yet.
  body.write(text, lines, 'latin1');
  for (let line = 0; line < lines; line++) {
    const from = lines + line * lineLength;
    const end = Math.min(from + lineLength, body.length);
    body.copyWithin(line * (lineLength + 1), from, end);
    body[line * (lineLength + 1) + (end - from)] = 0x0a;
  }
  return body;
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
