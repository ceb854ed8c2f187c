import { hash } from 'node:crypto';

/** SHA-256 of the octets in lower-case hex: a certificate's fingerprint when they are its DER. */
export function sha256Hex(octets: Uint8Array): string {
  return hash('sha256', octets, 'hex');
}
