import { CaError } from '../core/ca-error.ts';
import { type ClientName, parseClientName } from '../core/client-name.ts';
import { parseDistinguishedName } from '../core/distinguished-name.ts';
import { parseDuration } from '../core/duration.ts';
import { formatInstant, parseInstant } from '../core/instant.ts';
import { keyAlgorithms } from '../core/key-algorithm.ts';
import { printable } from '../core/printable.ts';
import { parseRevocationReason, type RevocationReason } from '../core/revocation-reason.ts';
import { parseSan, type San, type SanType } from '../core/san.ts';
import { parseSerial, type Serial } from '../core/serial.ts';
import type {
  ClientPolicy,
  DeliveryTarget,
  Entry,
  EntryBody,
  EntryHead,
  IssuerRole,
  Pkcs12Kind,
} from './entry.ts';
import { ledgerVersion } from './entry.ts';
import {
  integer,
  isObject,
  list,
  object,
  oneOf,
  optional,
  type Shape,
  ShapeFault,
  text,
} from './json-shape.ts';

/**
 * The one line of an entry, without its newline: JSON without spaces, `seq`, `time`, `type`, `prev`, then the
 * keys of its interface in their order; dates with whole seconds, `time` with milliseconds.
 *
 *     {"seq":3,"time":"2026-11-22T09:30:00.000Z","type":"delivered","prev":"9f…","client":"billing","serial":"0a1b…"}
 */
export function encodeEntry(head: EntryHead, body: EntryBody): string {
  const { seq, time, prev } = head;
  const { type } = body;
  return JSON.stringify({
    seq,
    time: time.toISOString(),
    type,
    prev,
    ...(bodyShape(type).write(body) as Record<string, unknown>),
  });
}

/**
 * The entry of a line's octets, newline excluded; canonical or refused.
 *
 * Throws `ledger/malformed` for anything that {@link encodeEntry} would not have written, and
 * `ledger/unknown-version` for a record that a newer program began.
 *
 * @param where the line's name for the message: `line 3 of ledger/00000001.jsonl`
 */
export function parseEntry(line: Uint8Array, where: string): Entry {
  const text = Buffer.from(line.buffer, line.byteOffset, line.byteLength).toString('utf8');
  // Octets that are not UTF-8 become U+FFFD: only then must they be looked at again.
  if (text.includes('\ufffd') && !Buffer.from(text).equals(line)) throw malformed(where, 'is not UTF-8');
  try {
    return readEntry(text, where);
  } catch (error) {
    if (error instanceof ShapeFault) throw malformed(where, error.message);
    if (error instanceof SyntaxError) throw malformed(where, 'is not JSON');
    throw error;
  }
}

function readEntry(text: string, where: string): Entry {
  const json: unknown = JSON.parse(text);
  if (!isObject(json)) throw new ShapeFault('is not an object');
  const { seq, time, type, prev, ...rest } = json;
  const shape = Object.hasOwn(bodyShapes, String(type)) && bodyShape(type as EntryBody['type']);
  if (!shape) throw new ShapeFault(`has the unknown type ${JSON.stringify(type) ?? 'undefined'}`);
  if (type === 'authority-created') checkVersion(rest, where);
  const head = headShape.read({ seq, time, prev });
  const body = shape.read(rest);
  // The shapes let one spelling of each value and one order of keys pass; this is for all the rest that JSON allows.
  if (!text.startsWith(`{"seq":${seq},"time":"${time}","type":"${type}",`) || JSON.stringify(json) !== text) {
    throw new ShapeFault('is not in canonical form (order of keys, spaces or escapes)');
  }
  return { seq: head.seq, time: head.time, type, prev: head.prev, ...body } as Entry;
}

function checkVersion({ version }: Record<string, unknown>, where: string): void {
  if (version === ledgerVersion || typeof version !== 'number') return;
  throw new CaError(
    'ledger/unknown-version',
    `${where} begins a ledger of version ${version}; this program knows version ${ledgerVersion}`,
    { hint: 'upgrade this program' },
  );
}

function malformed(where: string, fault: string): CaError {
  return new CaError('ledger/malformed', `${where} ${printable(fault)}`, {
    hint: 'restore the ledger from a backup',
  });
}

const iso = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}/;

const time: Shape<Date> = {
  read: (json) => {
    const instant = typeof json === 'string' && iso.test(json) ? new Date(json) : undefined;
    if (!instant || Number.isNaN(instant.getTime()) || instant.toISOString() !== json) {
      throw new ShapeFault('is not a UTC time with milliseconds');
    }
    return instant;
  },
  write: (value) => value.toISOString(),
};

const instant: Shape<Date> = {
  read: (json) => {
    if (typeof json !== 'string' || json.length !== 20) throw new ShapeFault('is not a UTC time in seconds');
    return parseInstant(json);
  },
  write: formatInstant,
};

const version: Shape<typeof ledgerVersion> = {
  read: (json) => {
    if (json !== ledgerVersion) throw new ShapeFault(`is not ${ledgerVersion}`);
    return json;
  },
  write: (value) => value,
};

const yes: Shape<true> = {
  read: (json) => {
    if (json !== true) throw new ShapeFault('is not true');
    return json;
  },
  write: (value) => value,
};

const words = text<string>('text', () => true);
const filled = text<string>('text of at least one character', (found) => found !== '');
const sha256 = text<string>('a SHA-256 in lower-case hex', (found) => /^[0-9a-f]{64}$/.test(found));
const der = text<string>(
  'canonical base64',
  (found) => found !== '' && Buffer.from(found, 'base64').toString('base64') === found,
);
const client = text<ClientName>('a client name', parseClientName);
const serial = text<Serial>('a serial in canonical form', (found) => parseSerial(found) === found);
const issuer = oneOf<IssuerRole>('root', 'issuing');
const reason = text<RevocationReason>('a reason', (found) => parseRevocationReason(found) === found);

const sanFields = object<San>({ type: oneOf<SanType>('dns', 'ip', 'email', 'uri'), value: words });
const san: Shape<San> = {
  read: (json) => {
    const { type, value } = sanFields.read(json);
    if (parseSan(type, value).value !== value) throw new ShapeFault('is not in canonical form');
    return { type, value };
  },
  write: (value) => sanFields.write(value),
};

const directory = object<Extract<DeliveryTarget, { kind: 'directory' }>>({
  kind: oneOf('directory'),
  path: filled,
});
const elsewhere = object<{ kind: 'home' | 'stdout' }>({ kind: oneOf('home', 'stdout') });
const delivery: Shape<DeliveryTarget> = {
  read: (json) => {
    const { kind } = isObject(json) ? json : {};
    return (kind === 'directory' ? directory : elsewhere).read(json);
  },
  write: (target) => (target.kind === 'directory' ? directory.write(target) : elsewhere.write(target)),
};

const policy = object<ClientPolicy>({
  profile: filled,
  subject: optional(text<string>('a name', parseDistinguishedName)),
  subjectAltNames: list(san),
  validity: optional(text<string>('a duration', parseDuration)),
  key: oneOf(...keyAlgorithms, 'csr'),
  delivery,
  pkcs12: optional(
    object<NonNullable<ClientPolicy['pkcs12']>>({
      kind: oneOf<Pkcs12Kind>('modern', 'compat'),
      passwordFile: optional(filled),
    }),
  ),
  hook: optional(filled),
});

const headShape = object<EntryHead>({ seq: integer(1), time, prev: sha256 });

type Body<T extends EntryBody['type']> = Omit<Extract<EntryBody, { type: T }>, 'type'>;

const bodyShapes: { readonly [T in EntryBody['type']]: Shape<Body<T>> } = {
  'authority-created': object<Body<'authority-created'>>({
    version,
    name: filled,
    root: der,
    issuing: optional(der),
  }),
  'client-added': object<Body<'client-added'>>({ client, policy }),
  issued: object<Body<'issued'>>({
    client,
    serial,
    notBefore: instant,
    notAfter: instant,
    key: sha256,
    profile: filled,
    subject: words,
    supersedes: optional(serial),
    certificate: der,
    adopted: optional(yes),
  }),
  delivered: object<Body<'delivered'>>({ client, serial }),
  revoked: object<Body<'revoked'>>({ client, serial, reason, invalidityDate: optional(instant) }),
  'key-compromised': object<Body<'key-compromised'>>({ client, serial, key: sha256 }),
  'crl-published': object<Body<'crl-published'>>({
    issuer,
    number: text<string>('a decimal number', (found) => /^(0|[1-9]\d{0,48})$/.test(found)),
    thisUpdate: instant,
    nextUpdate: instant,
    entries: integer(0),
    sha256,
    pemSha256: optional(sha256),
    carried: optional(integer(1)),
  }),
  'passphrase-changed': object<Body<'passphrase-changed'>>({ issuer }),
  'tail-set-aside': object<Body<'tail-set-aside'>>({
    file: text<string>('the name of a torn-….bin file', (found) => /^torn-\d+-\d+\.bin$/.test(found)),
    octets: integer(1),
  }),
};

function bodyShape(type: EntryBody['type']): Shape<object> {
  return bodyShapes[type] as Shape<object>;
}
