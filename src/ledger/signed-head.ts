import { CaError } from '../core/ca-error.ts';
import { formatInstant, parseInstant } from '../core/instant.ts';
import { printable } from '../core/printable.ts';

/** What the head of a record says. */
export interface HeadStatement {
  /** The authority's name. */
  readonly authority: string;
  /** The number of the last entry, and SHA-256 in hex of its line, which the chain makes one of all lines before. */
  readonly seq: number;
  readonly hash: string;
  /** When it was signed, in whole seconds. */
  readonly time: Date;
  /** The identifier of the key that signed, 40 hex digits, as it stands in its CA's certificate. */
  readonly key: string;
}

/**
 * A statement with the signature of {@link encodeHeadStatement}, as a CA key makes signatures.
 *
 *     private-ca ledger head v1
 *     authority: Acme API CA
 *     seq: 42
 *     hash: 3b0c…
 *     time: 2026-11-22T09:30:00Z
 *     key: 9e17…
 *     signature: MEUCIQ…
 */
export interface SignedHead extends HeadStatement {
  readonly signature: Uint8Array;
}

/**
 * The first line keeps signatures of heads apart from all others that the key makes: a TBSCertificate and a
 * TBSCertList begin with 0x30 (X.690 §8.9), never with a letter.
 */
const firstLine = 'private-ca ledger head v1';

/** The lines before the signature: the octets that are signed. Throws `ledger/malformed-head` for a name of several lines. */
export function encodeHeadStatement({ authority, seq, hash, time, key }: HeadStatement): Uint8Array {
  checkName(authority, 'the authority');
  const lines = [
    firstLine,
    `authority: ${authority}`,
    `seq: ${seq}`,
    `hash: ${hash}`,
    `time: ${formatInstant(time)}`,
    `key: ${key}`,
  ];
  return Buffer.from(`${lines.join('\n')}\n`);
}

/** The seven lines of a signed head; its signature is base64 on one line (RFC 4648 §4). */
export function encodeSignedHead(head: SignedHead): string {
  const statement = Buffer.from(encodeHeadStatement(head)).toString('utf8');
  return `${statement}signature: ${Buffer.from(head.signature).toString('base64')}\n`;
}

/**
 * The head that these octets are; its signature is not checked. Canonical or refused: a head has one spelling, so that
 * whoever keeps two can compare them as files.
 *
 * Throws `ledger/malformed-head`, and `ledger/unknown-version` for a head that a newer program made.
 *
 * @param what the file's name for the message
 */
export function parseSignedHead(octets: Uint8Array, what: string): SignedHead {
  const text = Buffer.from(octets).toString('utf8');
  checkVersion(text, what);
  const match = pattern.exec(text);
  if (!match) throw malformed(what, 'is not the signed head of a ledger');
  const { authority = '', seq = '', hash = '', time = '', key = '', signature = '' } = match.groups ?? {};
  checkName(authority, what);
  const head = {
    authority,
    seq: Number(seq),
    hash,
    time: readTime(time, what),
    key,
    signature: Buffer.from(signature, 'base64'),
  };
  // What the pattern lets pass beside the one spelling: numbers too large, base64 with stray bits, octets that are not UTF-8.
  if (!Number.isSafeInteger(head.seq) || !Buffer.from(encodeSignedHead(head)).equals(octets)) {
    throw malformed(what, 'is not in canonical form');
  }
  return head;
}

const pattern = new RegExp(
  [
    `^${firstLine}`,
    'authority: (?<authority>[^\n]+)',
    'seq: (?<seq>[1-9][0-9]{0,15})',
    'hash: (?<hash>[0-9a-f]{64})',
    'time: (?<time>[^\n]{20})',
    'key: (?<key>[0-9a-f]{40})',
    'signature: (?<signature>[A-Za-z0-9+/]+={0,2})\n$',
  ].join('\n'),
);

function checkVersion(text: string, what: string): void {
  const version = /^private-ca ledger head v(\d{1,9})\n/.exec(text)?.[1];
  if (version === undefined || version === '1') return;
  throw new CaError(
    'ledger/unknown-version',
    `${printable(what)} is a head of version ${version}; this program knows version 1`,
    { hint: 'upgrade this program' },
  );
}

function checkName(authority: string, what: string): void {
  if (printable(authority) === authority) return;
  throw malformed(what, `has the name "${printable(authority)}", which holds a control character`);
}

function readTime(text: string, what: string): Date {
  try {
    return parseInstant(text);
  } catch (error) {
    if (!(error instanceof CaError)) throw error;
    throw malformed(what, `has a time that is none: ${error.message}`);
  }
}

function malformed(what: string, fault: string): CaError {
  return new CaError('ledger/malformed-head', `${printable(what)} ${fault}`, {
    hint: 'give the file as ca ledger head printed it, octet for octet',
  });
}
