import { describe, expect, it } from 'vitest';
import { parseClientName } from '../../../src/core/client-name.ts';
import { parseSerial } from '../../../src/core/serial.ts';
import { linkEntries } from '../../../src/ledger/chain.ts';
import type { EntryBody } from '../../../src/ledger/entry.ts';
import { LedgerState } from '../../../src/ledger/ledger-state.ts';
import { certificateStatus } from '../../../src/ledger/record.ts';
import {
  added,
  created,
  crlPublished,
  delivered,
  issued,
  keyCompromised,
  revoked,
} from '../../support/ledger-entries.ts';
import { collectRevocations } from '../../support/ledger-histories.ts';

const day = 86_400_000;
const start = Date.parse('2026-11-22T00:00:00Z');

/** The fold of these entries, one a day. */
function fold(...bodies: EntryBody[]): LedgerState {
  const state = new LedgerState();
  for (const body of [created(), ...bodies]) {
    for (const { entry, hash } of linkEntries(state.head, new Date(start + state.head.seq * day), [body])) {
      state.apply(entry, hash);
    }
  }
  return state;
}

function supersedes(serial: string) {
  return { supersedes: parseSerial(serial) };
}

async function certificate(state: LedgerState, serial: string) {
  return await state.certificate(parseSerial(serial));
}

describe('supersession', () => {
  it('begins when the newer certificate is delivered, not when it is issued', async () => {
    const bodies = [issued('a', '0a'), issued('a', '0b', supersedes('0a'))];
    expect((await certificate(fold(...bodies), '0a'))?.supersededAt).toBeUndefined();
    const after = await certificate(fold(...bodies, delivered('a', '0b')), '0a');
    expect(after?.supersededAt).toEqual(new Date(start + 3 * day));
  });

  it('reaches through a certificate that was never delivered', async () => {
    const state = fold(
      issued('a', '0a'),
      issued('a', '0b', supersedes('0a')),
      issued('a', '0c', supersedes('0b')),
      delivered('a', '0c'),
    );
    expect((await certificate(state, '0a'))?.supersededAt).toBeDefined();
    expect((await certificate(state, '0b'))?.supersededAt).toBeDefined();
    expect((await certificate(state, '0c'))?.supersededAt).toBeUndefined();
    expect(await state.undelivered()).toEqual([]);
  });

  it('keeps its first date', async () => {
    const state = fold(
      issued('a', '0a'),
      issued('a', '0b', supersedes('0a')),
      issued('a', '0c', supersedes('0a')),
      delivered('a', '0b'),
      delivered('a', '0c'),
    );
    expect((await certificate(state, '0a'))?.supersededAt).toEqual(new Date(start + 4 * day));
  });
});

describe('of two entries on the same thing', () => {
  it('the first delivery counts', async () => {
    const state = fold(issued('a', '0a'), delivered('a', '0a'), delivered('a', '0a'));
    expect((await certificate(state, '0a'))?.deliveredAt).toEqual(new Date(start + 2 * day));
  });

  it('the first revocation counts', async () => {
    const state = fold(
      issued('a', '0a'),
      revoked('a', '0a', { reason: 'superseded' }),
      revoked('a', '0a', { reason: 'keyCompromise' }),
    );
    expect((await certificate(state, '0a'))?.revocation).toEqual({
      seq: 3,
      at: new Date(start + 2 * day),
      reason: 'superseded',
    });
    expect(await collectRevocations(await state.revocationsForCrl({ dropExpired: false }))).toHaveLength(1);
  });

  it('a key is barred by a revocation for its compromise, or by a later word on one for another reason', async () => {
    const [one, two, three] = ['1', '2', '3'].map((digit) => digit.repeat(64)) as [string, string, string];
    const state = fold(
      issued('a', '0a', { key: one }),
      issued('a', '0b', { key: two }),
      issued('a', '0c', { key: three }),
      revoked('a', '0a'),
      revoked('a', '0b', { reason: 'superseded' }),
      revoked('a', '0b'),
      revoked('a', '0c', { reason: 'superseded' }),
      keyCompromised('a', '0c', three),
    );
    expect(await Promise.all([one, two, three].map((key) => state.isKeyBarred(key)))).toEqual([
      true,
      false,
      true,
    ]);
  });

  it('the last policy counts, and the client keeps its first date', async () => {
    const state = fold(added('a'), added('a', { validity: '30d' }));
    expect(await state.client(parseClientName('a'))).toMatchObject({
      addedAt: new Date(start + day),
      policy: { validity: '30d' },
    });
    expect(await state.clientCount()).toBe(1);
  });
});

it('owes a delivery for what is neither delivered, superseded nor revoked, oldest first', async () => {
  const state = fold(
    issued('a', '0c'),
    issued('a', '0b'),
    issued('b', '0a'),
    delivered('b', '0a'),
    issued('b', '0d'),
    revoked('b', '0d'),
  );
  expect((await state.undelivered()).map(({ serial }) => serial)).toEqual(['0c', '0b']);
});

it('counts each certificate once: revoked before expired before superseded', async () => {
  const short = { notBefore: new Date(start), notAfter: new Date(start + 10 * day) };
  const state = fold(
    issued('a', '0a', short),
    issued('a', '0b', { ...short, ...supersedes('0a') }),
    delivered('a', '0b'),
    revoked('a', '0a'),
    issued('a', '0c', supersedes('0b')),
    delivered('a', '0c'),
  );
  expect(await state.counts(new Date(start + 5 * day))).toEqual({
    active: 1,
    superseded: 1,
    revoked: 1,
    expired: 0,
  });
  expect(await state.counts(new Date(start + 10 * day))).toMatchObject({ superseded: 1, expired: 0 });
  expect(await state.counts(new Date(start + 10 * day + 1))).toMatchObject({ superseded: 0, expired: 1 });
  const record = await certificate(state, '0a');
  expect(record && certificateStatus(record, new Date(start + 20 * day))).toBe('revoked');
});

describe('revocations for the next CRL', () => {
  const short = { notBefore: new Date(start), notAfter: new Date(start + 10 * day) };
  const bodies = [issued('a', '0a', short), issued('a', '0b'), revoked('a', '0b'), revoked('a', '0a')];

  async function due(state: LedgerState): Promise<string[]> {
    const revocations = await collectRevocations(await state.revocationsForCrl({ dropExpired: true }));
    return revocations.map(({ serial }) => serial);
  }

  it('stand in the order in which they were revoked', async () => {
    expect(await due(fold(...bodies))).toEqual(['0b', '0a']);
  });

  it('stay until they were on one CRL issued after the end of the certificate (RFC 5280 §3.3)', async () => {
    expect(await due(fold(...bodies, crlPublished(1, new Date(start + 10 * day))))).toEqual(['0b', '0a']);
    expect(await due(fold(...bodies, crlPublished(1, new Date(start + 11 * day))))).toEqual(['0b']);
  });

  it('are those of the CRL that lists clients: with two tiers the issuing CA’s', async () => {
    const root = crlPublished(1, new Date(start + 11 * day), { issuer: 'issuing' });
    expect(await due(fold(...bodies, root))).toEqual(['0b', '0a']);
  });

  it('all stay if nothing is dropped', async () => {
    const state = fold(...bodies, crlPublished(1, new Date(start + 11 * day)));
    expect(await collectRevocations(await state.revocationsForCrl({ dropExpired: false }))).toHaveLength(2);
  });
});

it('finds the client whose name collides', async () => {
  const state = fold(added('Billing'));
  expect(await state.clientWithKey('billing')).toMatchObject({ name: 'Billing' });
  expect(await state.clientWithKey('acme')).toBeUndefined();
});

describe('refuses', () => {
  it('a serial that was issued before', () => {
    expect(() => fold(issued('a', '0a'), issued('b', '0a'))).toThrow(
      expect.objectContaining({ code: 'ledger/duplicate-serial', message: 'serial 0a was issued before' }),
    );
  });

  it.each([
    ['delivery', delivered('a', '0a')],
    ['revocation', revoked('a', '0a')],
    ['compromised key', keyCompromised('a', '0a', '1'.repeat(64))],
    ['renewal', issued('a', '0b', supersedes('0a'))],
  ])('the %s of an unknown serial', (_, body) => {
    expect(() => fold(body)).toThrow(expect.objectContaining({ code: 'ledger/unknown-serial' }));
  });

  it('a second beginning', () => {
    expect(() => fold(created())).toThrow('entry 2 of the ledger is of type authority-created');
  });

  it('the bytes of an unknown serial', async () => {
    await expect(fold().certificateBytes(parseSerial('0a'))).rejects.toMatchObject({
      code: 'ledger/unknown-serial',
    });
  });
});
