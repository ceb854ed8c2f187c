import { parseClientName } from '../../src/core/client-name.ts';
import { parseSerial } from '../../src/core/serial.ts';
import type {
  AuthorityCreated,
  ClientAdded,
  ClientPolicy,
  CrlPublished,
  Delivered,
  Issued,
  KeyCompromised,
  Revoked,
} from '../../src/ledger/entry.ts';

/** Entry bodies for tests of the record; the certificates in them are no certificates. */

export const policy: ClientPolicy = {
  profile: 'client',
  subjectAltNames: [],
  key: 'p256',
  delivery: { kind: 'home' },
};

export function created(extra: Partial<AuthorityCreated> = {}): AuthorityCreated {
  return { type: 'authority-created', version: 1, name: 'Acme API CA', root: 'AAAA', ...extra };
}

export function added(client: string, extra: Partial<ClientPolicy> = {}): ClientAdded {
  return { type: 'client-added', client: parseClientName(client), policy: { ...policy, ...extra } };
}

export function issued(client: string, serial: string, extra: Partial<Issued> = {}): Issued {
  return {
    type: 'issued',
    client: parseClientName(client),
    serial: parseSerial(serial),
    notBefore: new Date('2026-11-22T00:00:00Z'),
    notAfter: new Date('2027-02-20T00:00:00Z'),
    key: serial.padStart(64, '0'),
    profile: 'client',
    subject: `CN=${client}`,
    certificate: Buffer.from(`certificate ${serial}`).toString('base64'),
    ...extra,
  };
}

export function delivered(client: string, serial: string): Delivered {
  return { type: 'delivered', client: parseClientName(client), serial: parseSerial(serial) };
}

export function revoked(client: string, serial: string, extra: Partial<Revoked> = {}): Revoked {
  return {
    type: 'revoked',
    client: parseClientName(client),
    serial: parseSerial(serial),
    reason: 'keyCompromise',
    ...extra,
  };
}

export function keyCompromised(client: string, serial: string, key: string): KeyCompromised {
  return {
    type: 'key-compromised',
    client: parseClientName(client),
    serial: parseSerial(serial),
    key,
  };
}

export function crlPublished(
  number: number,
  thisUpdate: Date,
  extra: Partial<CrlPublished> = {},
): CrlPublished {
  return {
    type: 'crl-published',
    issuer: 'root',
    number: String(number),
    thisUpdate,
    nextUpdate: new Date(thisUpdate.getTime() + 30 * 86_400_000),
    entries: 0,
    sha256: 'c'.repeat(64),
    ...extra,
  };
}
