import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import type { InitResult } from '../../src/authority/init.ts';
import type { CertificateRow } from '../../src/authority/inventory.ts';
import type { IssueResult } from '../../src/authority/issue-plan.ts';
import type { AuditResult } from '../../src/authority/ledger-audit.ts';
import type { RenewResult } from '../../src/authority/renew.ts';
import type { RevokeResult } from '../../src/authority/revoke.ts';
import type { StatusResult } from '../../src/authority/status.ts';
import { addMs } from '../../src/core/instant.ts';
import { openCa, writeSecret } from '../support/built-cli.ts';
import { describeWith, judge, runProgram, temporaryDirectory } from '../support/outside-program.ts';

const dayMs = 24 * 3_600_000;
const start = new Date('2027-01-01T03:17:00Z');

describeWith('faketime', 'openssl')('lifetime of an authority, with faketime and openssl', () => {
  it('renews a certificate once a third of its life is left, and not before', () => {
    const { ca, crl } = newAuthority();
    const { files, serial } = ca(0).do<IssueResult>('issue', 'billing');
    const certificate = files.certificate ?? '';
    expect(ca(59.9).do<RenewResult>('renew')).toMatchObject({ renewed: [], failed: [] });
    expect(ca(60).do<StatusResult>('status').due).toMatchObject([{ client: 'billing', serial }]);

    const { renewed, failed } = ca(60).do<RenewResult>('renew');
    expect({ renewed, failed }).toMatchObject({
      renewed: [{ client: 'billing', supersedes: serial, files }],
      failed: [],
    });
    expect(new X509Certificate(readFileSync(certificate)).serialNumber.toLowerCase()).toBe(
      renewed[0]?.serial,
    );
    expect(ca(60).do<RenewResult>('renew').renewed).toEqual([]);
    for (const day of [61, 90, 149]) {
      ca(day).do('crl', '--if-due');
      expect(verify(certificate, crl, dayAt(day))).toMatchObject({ exitCode: 0 });
    }
    expect(verify(certificate, crl, dayAt(151))).toMatchObject({
      exitCode: 2,
      text: expect.stringContaining('has expired'),
    });
  });

  it('shouts after 40 days of silence, and one `ca renew` repairs everything', () => {
    const { ca, crl } = newAuthority();
    const long = ca(0).do<IssueResult>('issue', 'long').files.certificate ?? '';
    const short = ca(0).do<IssueResult>('issue', 'short', '--validity', '30d').files.certificate ?? '';
    expect(ca(10).do<StatusResult>('status')).toMatchObject({ crl: { state: 'fresh' }, problems: [] });
    expect(ca(16).try<StatusResult>('status')).toMatchObject({
      exitCode: 1,
      result: { crl: { state: 'stale' }, problems: [expect.stringContaining('nobody has renewed it')] },
    });

    const silent = ca(40).try<StatusResult>('status');
    expect(silent).toMatchObject({ exitCode: 1, result: { crl: { state: 'expired' } } });
    expect(silent.result.problems).toEqual([
      expect.stringMatching(/^the CRL expired at .*: servers refuse every client; run: ca crl$/),
      expect.stringMatching(/^short expired on 2027-01-31 and was not renewed; run: ca renew$/),
    ]);
    expect(verify(long, crl, dayAt(40)).text).toContain('CRL has expired');

    expect(ca(40).do<RenewResult>('renew')).toMatchObject({ renewed: [{ client: 'short' }], failed: [] });
    expect(ca(40).do<StatusResult>('status')).toMatchObject({ crl: { state: 'fresh' }, problems: [] });
    for (const path of [long, short]) expect(verify(path, crl, addMs(dayAt(40), 3_600_000)).exitCode).toBe(0);
  });

  it.each([
    { days: 730, what: 'one tier, a clear key', newOne: newAuthority },
    { days: 160, what: 'two tiers, encrypted, root offline', newOne: newTwoTierAuthority },
  ])('has nothing stale in $days days of `ca renew`: $what', { timeout: 300_000 }, ({ days, newOne }) => {
    const { ca, crl, allCrls, unlock } = newOne();
    const issue = (client: string, ...options: string[]) =>
      ca(0).do<IssueResult>('issue', client, ...options, ...unlock);
    const certificates = new Map([
      ['billing', issue('billing', '--p12').files.certificate ?? ''],
      ['shipping', issue('shipping', '--validity', '30d').files.certificate ?? ''],
      ['api', issue('api', '--profile', 'server', '--dns', 'api.acme.example').files.certificate ?? ''],
      ['lost', issue('lost').files.certificate ?? ''],
    ]);
    const renewed: string[] = [];
    let published = readCrl(crl);
    /** What the CRL has to hold, with the end of each certificate's life. */
    let entries: readonly { readonly serial: string; readonly notAfter: Date }[] = [];

    for (let day = 1; day <= days; day++) {
      const now = cronAt(day);
      const result = ca(now).do<RenewResult>('renew', ...unlock);
      expect(result.failed, `day ${day}`).toEqual([]);
      renewed.push(...result.renewed.map(({ client }) => client));
      if (day === 100) {
        const reason = ['--reason', 'keyCompromise'];
        const { revoked } = ca(now).do<RevokeResult>('revoke', 'lost', ...reason, ...unlock);
        const rows = ca(now).do<readonly CertificateRow[]>('list', '--client', 'lost', '--status', 'revoked');
        expect(revoked.map(({ serial }) => serial)).toEqual(rows.map(({ serial }) => serial));
        entries = rows.map(({ serial, notAfter }) => ({ serial, notAfter: new Date(notAfter) }));
        certificates.delete('lost');
      }

      const current = readCrl(crl);
      expect(current.nextUpdate.getTime() - now.getTime(), `day ${day}`).toBeGreaterThan(27 * dayMs);
      if (current.number !== published.number) {
        expect(current.number, `day ${day}`).toBeGreaterThan(published.number);
        expect(current.serials, `day ${day}`).toEqual(entries.map(({ serial }) => serial).sort());
        // An entry may go once it was on a CRL made after the certificate's end (RFC 5280 §3.3).
        entries = entries.filter(({ notAfter }) => notAfter >= current.thisUpdate);
        published = current;
      }
      for (const [client, path] of certificates) {
        const { validTo } = new X509Certificate(readFileSync(path));
        expect(new Date(validTo).getTime(), `${client} on day ${day}`).toBeGreaterThan(now.getTime());
      }
    }

    expect(entries).toEqual([]);
    const times = (client: string) => renewed.filter((each) => each === client).length;
    const every = (interval: number) => runsAfter(interval, days);
    // Of 90 days and of 30, a third is left after 60 and 20. None after a revocation.
    expect(['billing', 'api', 'shipping', 'lost'].map(times)).toEqual([every(60), every(60), every(20), 1]);
    const end = ca(days + 0.5);
    expect(end.do<AuditResult>('ledger', 'verify').findings).toEqual([]);
    expect(end.do<StatusResult>('status')).toMatchObject({
      problems: [],
      undelivered: [],
      counts: { active: 3 },
    });
    const serials = end.do<readonly CertificateRow[]>('list').map(({ serial }) => serial);
    expect(serials).toHaveLength(4 + renewed.length);
    expect(new Set(serials).size).toBe(serials.length);
    for (const [client, path] of certificates) {
      if (client !== 'api') {
        expect(verify(path, allCrls, dayAt(days + 0.5)), client).toMatchObject({ exitCode: 0 });
      }
    }
  });

  function newAuthority() {
    return init(temporaryDirectory(), [], '--no-passphrase');
  }

  function newTwoTierAuthority() {
    const directory = temporaryDirectory();
    const unlock = ['--passphrase-file', writeSecret(directory, 'passphrase', 'of every day')];
    const rootPassphrase = writeSecret(directory, 'root-passphrase', 'of one day in ten years');
    const made = init(directory, unlock, '--two-tier', ...unlock, '--root-passphrase-file', rootPassphrase);
    renameSync(join(directory, 'home/keys/root.key'), join(directory, 'root.key'));
    return made;
  }

  /** @param unlock the flags with which commands sign */
  function init(directory: string, unlock: readonly string[], ...flags: readonly string[]) {
    const home = openCa(join(directory, 'home'));
    const { files } = home.at(start).do<InitResult>('init', '--name', 'Acme API CA', ...flags);
    const ca = (time: number | Date) => home.at(typeof time === 'number' ? dayAt(time) : time);
    return { ca, crl: files.crlPem, allCrls: files.crlBundle ?? files.crlPem, unlock };
  }
});

/** That many days after the start. */
function dayAt(day: number): Date {
  return addMs(start, day * dayMs);
}

/** When cron runs that day, with its jitter: never at the same minute as the day before. */
function cronAt(day: number): Date {
  return addMs(dayAt(day), ((day * 37) % 60) * 60_000);
}

/** How often a run finds that so many days have passed since the run that did what it is to do. */
function runsAfter(interval: number, days: number): number {
  let count = 0;
  let last = start.getTime();
  for (let day = 1; day <= days; day++) {
    // A certificate begins five minutes back: a third of that is more than a minute.
    if (cronAt(day).getTime() + 60_000 < last + interval * dayMs) continue;
    last = cronAt(day).getTime();
    count++;
  }
  return count;
}

function verify(certificate: string, crl: string, at: Date) {
  const home = dirname(dirname(crl));
  const chain = join(home, 'chain.crt');
  return judge('openssl', [
    ...['verify', '-x509_strict', '-purpose', 'sslclient', '-attime', `${at.getTime() / 1000}`],
    ...['-crl_check_all', '-CRLfile', crl, '-CAfile', join(home, 'ca.crt')],
    ...(existsSync(chain) ? ['-untrusted', chain] : []),
    certificate,
  ]);
}

/** A CRL as openssl reads it, its serials in order. */
function readCrl(path: string) {
  const text = runProgram('openssl', ['crl', '-in', path, '-noout', '-text']);
  const date = (name: string) => new Date(new RegExp(`${name}: (.*)`).exec(text)?.[1] ?? '');
  return {
    number: BigInt(/CRL Number: \s*(\d+)/.exec(text)?.[1] ?? -1),
    thisUpdate: date('Last Update'),
    nextUpdate: date('Next Update'),
    serials: [...text.matchAll(/Serial Number: (\w+)/g)].map(([, serial]) => serial?.toLowerCase()).sort(),
  };
}
