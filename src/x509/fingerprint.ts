import { createHash, hash } from 'node:crypto';

/** SHA-256 of the octets in lower-case hex: a certificate's fingerprint when they are its DER. */
export function sha256Hex(octets: Uint8Array): string {
  return hash('sha256', octets, 'hex');
}

/** {@link sha256Hex} of octets that come in pieces. */
export function sha256OfPieces(pieces: Iterable<Uint8Array>): string {
  const sum = createHash('sha256');
  for (const piece of pieces) sum.update(piece);
  return sum.digest('hex');
}
