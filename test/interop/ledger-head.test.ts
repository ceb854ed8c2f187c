import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import type { LedgerHeadResult } from '../../src/authority/ledger-head.ts';
import { openCa } from '../support/built-cli.ts';
import { describeWith, judge, sharedDirectory, type Verdict } from '../support/outside-program.ts';
import { checkout } from '../support/run-cli.ts';

/** The lines of the README by which somebody without this tool checks a head. */
const readme = readFileSync(join(checkout, 'README.md'), 'utf8');
const lines = (/```sh\n(head -n 6 ledger\.head[\s\S]*?)```/.exec(readme)?.[1] ?? '').trim().split('\n');
const [dgst = '', pkeyutl = ''] = lines.splice(3);

const authorities: readonly [name: string, key: string, twoTier: boolean, check: string][] = [
  ['p256', 'p256', false, dgst],
  ['p256, two tiers', 'p256', true, dgst],
  ['p384', 'p384', false, dgst.replace('-sha256', '-sha384')],
  ['ed25519', 'ed25519', false, pkeyutl],
  ['rsa3072', 'rsa3072', false, dgst],
];

describeWith('openssl', 'sed', 'head').each(authorities)(
  'openssl alone, as the README says: a head of %s',
  (_, key, twoTier, command) => {
    const directory = sharedDirectory();
    const home = join(directory, 'home');
    let text: string;
    beforeAll(() => {
      const ca = openCa(home);
      const tiers = twoTier ? ['--two-tier'] : [];
      ca.do('init', '--name', 'Acme API CA', '--no-passphrase', '--key', key, ...tiers);
      ca.do('issue', 'billing');
      ({ text } = ca.do<LedgerHeadResult>('ledger', 'head'));
    });

    const check = (name: string, head: string): Verdict => {
      const place = join(directory, name);
      mkdirSync(place);
      writeFileSync(join(place, 'ledger.head'), head);
      writeFileSync(join(place, 'ca.crt'), readFileSync(join(home, twoTier ? 'chain.crt' : 'ca.crt')));
      const script = ['set -e', `cd '${place}'`, ...lines, command];
      return judge('/bin/sh', ['-c', script.join('\n')]);
    };

    it('verifies', () => {
      const { exitCode, text: said } = check('printed', text);
      expect(said).toMatch(/Verified OK|Signature Verified Successfully/);
      expect(exitCode).toBe(0);
    });

    it('beside the CRL verifies', () => {
      const head = readFileSync(join(home, 'crl', 'ledger.head'), 'utf8');
      expect(check('beside', head).exitCode).toBe(0);
    });

    it.each([
      ['number', /seq: \d+/, 'seq: 4'],
      ['name', 'Acme', 'Acne'],
      ['time', /time: \d{4}/, 'time: 2001'],
    ])('does not verify with another %s', (what, from, to) => {
      const { exitCode, text: said } = check(what, text.replace(from, to));
      expect(said).toMatch(/[Vv]erification [Ff]ailure/);
      expect(exitCode).not.toBe(0);
    });

    it('names the key as the CA certificate does', () => {
      const file = join(home, twoTier ? 'chain.crt' : 'ca.crt');
      const { text: said } = judge('openssl', [
        'x509',
        '-in',
        file,
        '-noout',
        '-ext',
        'subjectKeyIdentifier',
      ]);
      expect(said.replaceAll(':', '').toLowerCase()).toContain(/key: (\w{40})/.exec(text)?.[1]);
    });
  },
);
