import { maxCrlEntryLength } from '../core/crl-entry.ts';
import { countRevocations, type RevocationPage } from '../core/revocation-page.ts';
import {
  copyInto,
  encodedLength,
  explicit,
  integer,
  sequence,
  tags,
  time,
  writeHeader,
} from './der-writer.ts';
import { authorityKeyIdentifierExtension, crlNumberExtension } from './extensions.ts';
import { encodeSignatureAlgorithm, type SignatureAlgorithm } from './signature-algorithm.ts';

/** Everything that a CRL of ours says, decided, but for its entries. */
export interface CrlTemplate {
  readonly signatureAlgorithm: SignatureAlgorithm;
  /** The issuer's encoded Name, octet for octet its certificate's subject. */
  readonly issuer: Uint8Array;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly number: bigint;
  readonly authorityKeyIdentifier: Uint8Array;
}

/**
 * Writes a TBSCertList in DER (RFC 5280 §5.1.2): v2, full, revokedCertificates absent when nothing is revoked. Entries go
 * from their pages straight into the one buffer that is signed, so that a million of them take no million objects and no
 * second copy.
 */
export class TbsCrlEncoder {
  /** How many entries there are so far. */
  count = 0;
  readonly #fields: readonly Uint8Array[];
  readonly #extensions: Uint8Array;
  readonly #octets: Uint8Array;
  readonly #atMost: number;
  readonly #entriesAt: number;
  #at: number;

  /** @param atMost how many entries may come; memory that they do not fill is never touched */
  constructor(template: CrlTemplate, atMost: number) {
    this.#fields = [
      integer(1),
      encodeSignatureAlgorithm(template.signatureAlgorithm),
      template.issuer,
      time(template.thisUpdate),
      time(template.nextUpdate),
    ];
    this.#extensions = explicit(
      0,
      sequence(
        authorityKeyIdentifierExtension(template.authorityKeyIdentifier),
        crlNumberExtension(template.number),
      ),
    );
    // The lengths in the headers are known at the end: what comes before the entries is put right before them then.
    this.#entriesAt = this.#fields.reduce((sum, { length }) => sum + length, 2 * maxHeaderLength);
    this.#at = this.#entriesAt;
    this.#octets = new Uint8Array(this.#entriesAt + atMost * maxCrlEntryLength + this.#extensions.length);
    this.#atMost = atMost;
  }

  /** Adds the entries of a page. Throws `RangeError` for a page that is not one, or is one too many. */
  add(page: RevocationPage): void {
    this.count += countRevocations(page);
    const room = this.#octets.length - this.#extensions.length - this.#at;
    if (this.count > this.#atMost || page.length > room)
      throw new RangeError('there are more revocations than were announced');
    this.#octets.set(page, this.#at);
    this.#at += page.length;
  }

  /** The whole of it, in a buffer that nobody else holds; this is used up then. */
  finish(): Uint8Array {
    const octets = this.#octets;
    const listLength = this.#at - this.#entriesAt;
    const listHeader = listLength === 0 ? 0 : headerLength(listLength);
    const fieldsLength = this.#fields.reduce((sum, { length }) => sum + length, 0);
    const length = fieldsLength + listHeader + listLength + this.#extensions.length;
    const start = this.#entriesAt - listHeader - fieldsLength - headerLength(length);
    let at = writeHeader(octets, start, tags.sequence, length);
    for (const field of this.#fields) at = copyInto(octets, at, field);
    if (listLength > 0) writeHeader(octets, at, tags.sequence, listLength);
    copyInto(octets, this.#at, this.#extensions);
    return octets.subarray(start, start + encodedLength(length));
  }
}

/** Identifier, and a length of up to 2^32. */
const maxHeaderLength = 6;

function headerLength(contentLength: number): number {
  return encodedLength(contentLength) - contentLength;
}

/** A CRL with all its entries, for one that is small. */
export interface SmallCrlTemplate extends CrlTemplate {
  readonly revocations?: readonly RevocationPage[];
}

/** The TBSCertList with these revocations. */
export function encodeTbsCrl(template: SmallCrlTemplate): Uint8Array {
  const pages = template.revocations ?? [];
  const count = pages.reduce((sum, page) => sum + countRevocations(page), 0);
  const encoder = new TbsCrlEncoder(template, count);
  for (const page of pages) encoder.add(page);
  return encoder.finish();
}
