import fc from 'fast-check';
import type { Ledger } from '../../src/authority/ports.ts';
import { clientNameKey, parseClientName } from '../../src/core/client-name.ts';
import type { PagedRevocations, Revocation } from '../../src/core/revocation-page.ts';
import type { Serial } from '../../src/core/serial.ts';
import { checkLink, hashLine, linkEntries } from '../../src/ledger/chain.ts';
import type { EntryBody } from '../../src/ledger/entry.ts';
import { encodeEntry } from '../../src/ledger/entry-codec.ts';
import { LedgerState } from '../../src/ledger/ledger-state.ts';
import type { LedgerView } from '../../src/ledger/ledger-view.ts';
import type { CertificateRecord } from '../../src/ledger/record.ts';
import { crlRevocations } from '../../src/x509/crl.ts';
import {
  added,
  created,
  crlPublished,
  delivered,
  issued,
  keyCompromised,
  revoked,
} from './ledger-entries.ts';

/** Random histories of a ledger, and every question to a view of them. */

const clients = ['billing', 'Billing', 'jörg.müller', 'acme', 'x'];
const start = Date.parse('2026-01-01T00:00:00Z');
const day = 86_400_000;

const step = fc.record({
  kind: fc.constantFrom(
    'add',
    'issue',
    'issue',
    'issue',
    'renew',
    'renew',
    'deliver',
    'deliver',
    'revoke',
    'compromise',
    'crl',
    'other',
  ),
  client: fc.nat(clients.length - 1),
  /** Counted from the newest certificate: what happens to one happens soon, or to any. */
  target: fc.oneof(fc.nat(3), fc.nat(1000)),
  day: fc.integer({ min: 0, max: 60 }),
  days: fc.constantFrom(1, 10, 30, 30, 90, 31_000, 3_000_000),
  random: fc.boolean(),
  key: fc.nat(6),
});

/** Bodies of a valid history; the first is the authority. */
export const histories: fc.Arbitrary<EntryBody[]> = fc
  .tuple(fc.boolean(), fc.array(step, { maxLength: 60, size: 'max' }))
  .map(([twoTier, steps]) => {
    const bodies: EntryBody[] = [created(twoTier ? { issuing: 'AQID' } : {})];
    const made: { client: string; serial: string }[] = [];
    steps.forEach(({ kind, client: index, target, day: at, days, random, key }, position) => {
      const client = clients[index] ?? 'x';
      const old = made.at(-1 - (target % Math.max(made.length, 1)));
      if (kind === 'add') {
        bodies.push(added(client, { hook: `echo ${position} "quoted" \\ ü` }));
      } else if (kind === 'issue' || kind === 'renew') {
        const serial = random ? serialOf(position) : (position + 1).toString(16).padStart(2, '0');
        const notBefore = new Date(start + at * day);
        bodies.push(
          issued(kind === 'renew' && old ? old.client : client, serial, {
            notBefore,
            notAfter: new Date(
              Math.min(notBefore.getTime() + days * day, Date.parse('9999-12-31T23:59:59Z')),
            ),
            key: keyHash(key),
            subject: random ? 'CN=a\\"b,O="\\\\' : '',
            ...(kind === 'renew' && old && { supersedes: old.serial as Serial }),
            ...(random && key > 3 && { adopted: true }),
          }),
        );
        made.push({ client: kind === 'renew' && old ? old.client : client, serial: issuedSerial(bodies) });
      } else if (kind === 'deliver' && old) {
        bodies.push(delivered(old.client, old.serial));
      } else if (kind === 'revoke' && old) {
        bodies.push(
          revoked(old.client, old.serial, {
            reason: random ? 'unspecified' : 'keyCompromise',
            ...(random && { invalidityDate: new Date(start + at * day) }),
          }),
        );
      } else if (kind === 'compromise' && old) {
        bodies.push(keyCompromised(old.client, old.serial, keyHash(key)));
      } else if (kind === 'crl') {
        bodies.push(
          crlPublished(position, new Date(start + at * day), { issuer: random ? 'root' : 'issuing' }),
        );
      } else if (kind === 'other') {
        bodies.push({ type: 'passphrase-changed', issuer: 'root' });
      }
    });
    return bodies;
  });

function serialOf(position: number): string {
  const bits = Math.imul(position + 1, 0x9e3779b1) >>> 0;
  return `${(0x10 + (bits & 0x6f)).toString(16)}${bits.toString(16).padStart(8, '0')}${'5a'.repeat(10)}`;
}

function keyHash(key: number): string {
  return String(key).padStart(64, 'ab');
}

function issuedSerial(bodies: readonly EntryBody[]): string {
  const last = bodies.at(-1);
  return last?.type === 'issued' ? last.serial : '';
}

/** The keys of histories, and one that is in none. */
const keys = Array.from({ length: 8 }, (_, key) => keyHash(key));

/** The fold of these bodies as a record of their own, all of it written at that instant. */
export function foldBodies(bodies: readonly EntryBody[], time: Date): LedgerState {
  const state = new LedgerState();
  for (const { entry, hash } of linkEntries(state.head, time, bodies)) state.apply(entry, hash);
  return state;
}

/** The fold of all entries of a ledger, each held against the chain, and its hash told to `see`. */
export async function foldEntries(
  ledger: Ledger,
  see: (seq: number, hash: string) => Promise<void> = async () => {},
): Promise<LedgerState> {
  const state = new LedgerState();
  for await (const page of ledger.entries()) {
    for (const entry of page) {
      checkLink(entry, state.head, `entry ${state.head.seq + 1}`);
      const hash = hashLine(encodeEntry(entry, entry));
      await see(entry.seq, hash);
      state.apply(entry, hash);
    }
  }
  return state;
}

/** What a view answers to everything that it can be asked. */
export async function askEverything(view: LedgerView): Promise<unknown> {
  const instants = [0, 5, 20, 45, 120, 32_000, 3_000_000].map((days) => new Date(start + days * day + 500));
  const certificates = await collect(view.certificates());
  return {
    head: view.head,
    authority: view.authority,
    certificates,
    each: await Promise.all(certificates.map(({ serial }) => view.certificate(serial))),
    bytes: await Promise.all(
      certificates.map(async ({ serial }) => Buffer.from(await view.certificateBytes(serial)).toString()),
    ),
    unknown: await view.certificate('77' as Serial),
    clients: await Promise.all(clients.map((name) => view.client(parseClientName(name)))),
    byKey: await Promise.all([...clients, 'nobody'].map((name) => view.clientWithKey(clientNameKey(name)))),
    clientCount: await view.clientCount(),
    of: await Promise.all(clients.map((name) => view.certificatesOf(parseClientName(name)))),
    newestFirst: await Promise.all(clients.map((name) => collect(view.newestFirst(parseClientName(name))))),
    withKey: await Promise.all(keys.map((key) => view.certificatesWithKey(key))),
    barred: await Promise.all(keys.map((key) => view.isKeyBarred(key))),
    expiring: await Promise.all(
      instants.map(async (to, index) =>
        collect(view.certificatesExpiring(instants[index - 1] ?? new Date(0), to)),
      ),
    ),
    expiringBackwards: await collect(view.certificatesExpiring(new Date(8.64e15), new Date(0))),
    live: await Promise.all(
      instants.map(async (to, index) => collect(view.liveExpiring(instants[index - 1] ?? new Date(0), to))),
    ),
    liveBackwards: await collect(view.liveExpiring(new Date(8.64e15), new Date(0))),
    countLive: await Promise.all(instants.map((to) => view.countLive(instants[1] ?? to, to))),
    everLive: await view.countLive(new Date(-8.64e15), new Date(8.64e15)),
    longestValidityMs: await view.longestValidityMs(),
    undelivered: await view.undelivered(),
    counts: await Promise.all(instants.map((now) => view.counts(now))),
    crls: [await view.lastCrl('root'), await view.lastCrl('issuing')],
    lastRevocationSeq: await view.lastRevocationSeq(),
    revocations: await collectRevocations(await view.revocationsForCrl({ dropExpired: false })),
    due: await collectRevocations(await view.revocationsForCrl({ dropExpired: true })),
  };
}

/** All of them, decoded. Throws when there are more than the list announced. */
export async function collectRevocations({ atMost, pages }: PagedRevocations): Promise<Revocation[]> {
  const revocations: Revocation[] = [];
  for await (const page of pages()) revocations.push(...crlRevocations({ entries: page }));
  if (revocations.length > atMost) throw new Error(`${revocations.length} revocations, not ${atMost}`);
  return revocations;
}

async function collect(pages: AsyncIterable<readonly CertificateRecord[]>): Promise<CertificateRecord[]> {
  const all: CertificateRecord[] = [];
  for await (const page of pages) all.push(...page);
  return all;
}
