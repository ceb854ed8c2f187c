import { expect, it } from 'vitest';
import { UnsignedEntries } from '../../../src/authority/ledger-notes.ts';
import { linkEntries } from '../../../src/ledger/chain.ts';
import { type EntryBody, noPreviousEntry } from '../../../src/ledger/entry.ts';
import { added, created, delivered, issued, revoked } from '../../support/ledger-entries.ts';

/** What is said of these entries when a head speaks for the first of the record alone. */
function describeAfterHead(...bodies: readonly EntryBody[]): string | undefined {
  const unsigned = new UnsignedEntries(1);
  const start = { seq: 0, hash: noPreviousEntry };
  for (const { entry } of linkEntries(start, new Date(0), [created(), ...bodies])) unsigned.see(entry);
  return unsigned.describe();
}

it.each<readonly [string, readonly EntryBody[]]>([
  ['a delivery', [delivered('a', '0a')]],
  ['a changed passphrase', [{ type: 'passphrase-changed', issuer: 'root' }]],
  ['an adopted certificate', [issued('a', '0a', { adopted: true })]],
  [
    'one with its client, and its revocation',
    [added('a'), issued('a', '0a', { adopted: true }), revoked('a', '0a')],
  ],
])('says nothing of what takes no key: %s', (_, bodies) => {
  expect(describeAfterHead(...bodies)).toBe(undefined);
});

it.each<readonly [string, readonly EntryBody[], string]>([
  ['a certificate', [issued('a', '0a')], 'entry 2 (issued) came'],
  ['a revocation', [revoked('a', '0a')], 'entry 2 (revoked) came'],
  ['a client', [added('a')], 'entry 2 (client-added) came'],
  [
    'a client whose place an adopted certificate of another seems to need',
    [added('a', { hook: 'rm' }), issued('b', '0b', { adopted: true })],
    'entry 2 (client-added) came',
  ],
  ['several', [added('a'), issued('a', '0a')], '2 entries from entry 2 on (client-added, issued) came'],
])('names %s', (_, bodies, words) => {
  expect(describeAfterHead(...bodies)).toContain(`${words} after the last signed head, which is of entry 1`);
});
