import { CaError } from './ca-error.ts';
import { beginning, printable } from './printable.ts';

/** One subject alternative name (RFC 5280 §4.2.1.6), its value as a person writes it. */
export interface San {
  readonly type: SanType;
  /** `api.example.com`, `10.0.0.7` or `2001:db8::7` (canonical), `ops@example.com`, `spiffe://example.com/billing`. */
  readonly value: string;
}

export type SanType = 'dns' | 'ip' | 'email' | 'uri';

/** The name of that type, in canonical spelling. Throws `core/invalid-san`, saying what is wrong and where. */
export function parseSan(type: SanType, text: string): San {
  return { type, value: parsers[type](text) };
}

/** `dns:api.example.com`: a SAN as one word, the way `ca show` and CSV files spell it. */
export function formatSan(san: San): string {
  return `${san.type}:${san.value}`;
}

/**
 * The octets of an iPAddress: 4 for IPv4, 16 for IPv6 (RFC 5280 §4.2.1.6). Throws `core/invalid-san`.
 */
export function ipOctets(text: string): Uint8Array {
  const octets = text.includes(':') ? parseIpv6(text) : parseIpv4(text);
  if (!octets) {
    throw refuse(
      'ip',
      text,
      'is not an IPv4 or IPv6 address',
      'write it as 10.0.0.7 or 2001:db8::7, without mask, port or zone',
    );
  }
  return octets;
}

/** The canonical text of 4 or 16 address octets (RFC 5952 for IPv6). Throws `core/invalid-san` for other lengths. */
export function formatIp(octets: Uint8Array): string {
  if (octets.length === 4) return octets.join('.');
  if (octets.length !== 16) {
    throw new CaError(
      'core/invalid-san',
      `an IP address has ${octets.length} octets, not 4 or 16 (RFC 5280 §4.2.1.6)`,
    );
  }
  const groups = Array.from({ length: 8 }, (_, i) =>
    ((octets[2 * i] ?? 0) * 256 + (octets[2 * i + 1] ?? 0)).toString(16),
  );
  const zeros = longestZeroRun(groups);
  if (zeros.length < 2) return groups.join(':');
  return `${groups.slice(0, zeros.start).join(':')}::${groups.slice(zeros.start + zeros.length).join(':')}`;
}

/**
 * True if `name` (a DNS name, or one starting with `*.`) lies within `permitted`: equal to it, or below it
 * (RFC 5280 §4.2.1.10, "zero or more labels to the left").
 */
export function isDnsWithin(name: string, permitted: string): boolean {
  const bare = permitted.replace(/^\./, '').toLowerCase();
  return name.toLowerCase() === bare || name.toLowerCase().endsWith(`.${bare}`);
}

const parsers: Record<SanType, (text: string) => string> = {
  dns: (text) => parseDnsName(text, { wildcard: true }),
  ip: (text) => formatIp(ipOctets(text)),
  email: parseEmail,
  uri: parseUri,
};

function parseDnsName(text: string, options: { wildcard: boolean }): string {
  const labels = (options.wildcard && text.startsWith('*.') ? text.slice(2) : text).split('.');
  if (/[^\u0020-\u007e]/.test(text)) {
    throw refuse('dns', text, 'is not ASCII', 'write an internationalised name in its A-label form (xn--…)');
  }
  if (text.length > 253) throw refuse('dns', text, `has ${text.length} octets > 253 allowed`, 'shorten it');
  for (const label of labels) {
    if (!/^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i.test(label)) {
      throw refuse(
        'dns',
        text,
        label === '' ? 'has an empty label' : `has the malformed label "${printable(label)}"`,
        'write it as api.example.com',
      );
    }
  }
  if (labels.length > 1 && labels.every((label) => /^\d+$/.test(label))) {
    throw refuse('dns', text, 'is an IP address', `use --ip ${text}`);
  }
  return text.toLowerCase();
}

function parseEmail(text: string): string {
  const at = text.lastIndexOf('@');
  const local = text.slice(0, Math.max(at, 0));
  // RFC 5321 §4.5.3.1 lengths; RFC 5280 §4.2.1.6 allows ASCII alone (other mailboxes: RFC 9598, not offered).
  if (
    !/^[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}$/i.test(local) ||
    local.startsWith('.') ||
    local.endsWith('.') ||
    local.includes('..')
  ) {
    throw refuse('email', text, 'is not an ASCII mailbox', 'write it as ops@example.com');
  }
  return `${local}@${parseDnsName(text.slice(at + 1), { wildcard: false })}`;
}

function parseUri(text: string): string {
  if (/[^\u0021-\u007e]/.test(text))
    throw refuse('uri', text, 'holds a space or a character beyond ASCII', 'percent-encode it');
  if (/["<>\\^`{|}]|%(?![0-9a-f]{2})/i.test(text))
    throw refuse('uri', text, 'holds a character that URIs do not have (RFC 3986 §2)', 'percent-encode it');
  if (text.length > 2048)
    throw refuse('uri', text, `has ${text.length} octets > 2048 allowed (SPIFFE-ID §2.3)`, 'shorten it');
  const scheme = /^([a-z][a-z0-9+.-]*):./i.exec(text)?.[1];
  if (!scheme)
    throw refuse(
      'uri',
      text,
      'is not absolute (RFC 5280 §4.2.1.6)',
      'write it with its scheme: spiffe://example.com/billing',
    );
  if (
    scheme.toLowerCase() === 'spiffe' &&
    !/^spiffe:\/\/[a-z0-9._-]{1,255}(\/(?!\.{1,2}(\/|$))[a-zA-Z0-9._-]+)*$/.test(text)
  ) {
    throw refuse(
      'uri',
      text,
      'is not a SPIFFE ID',
      'write it as spiffe://trust-domain/path, without user, port, query, fragment or empty segments',
    );
  }
  if (!URL.canParse(text))
    throw refuse('uri', text, 'is not a URI', 'write it as spiffe://example.com/billing');
  return text;
}

function parseIpv4(text: string): Uint8Array | undefined {
  if (!/^(\d{1,3}\.){3}\d{1,3}$/.test(text) || /(^|\.)0\d/.test(text)) return undefined;
  const octets = text.split('.').map(Number);
  return octets.every((octet) => octet <= 255) ? Uint8Array.from(octets) : undefined;
}

function parseIpv6(text: string): Uint8Array | undefined {
  const embedded = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const tail = embedded ? parseIpv4(embedded[2] ?? '') : undefined;
  if (embedded && !tail) return undefined;
  const hex =
    embedded && tail
      ? `${embedded[1]}${Buffer.from(tail)
          .toString('hex')
          .replace(/^(....)/, '$1:')}`
      : text;
  const halves = hex.split('::');
  if (halves.length > 2) return undefined;
  const [head = [], rest = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = 8 - head.length - rest.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...Array<string>(missing).fill('0'), ...rest];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex');
}

function longestZeroRun(groups: readonly string[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === '0') length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}

function refuse(type: SanType, text: string, fault: string, hint: string): CaError {
  const shown = printable(beginning(text));
  return new CaError('core/invalid-san', `${type} name "${shown}" ${fault}`, { hint });
}
