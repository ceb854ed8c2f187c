import { CaError } from '../core/ca-error.ts';
import { formatDuration } from '../core/duration.ts';
import { formatDay, formatInstant } from '../core/instant.ts';
import { parseSerial, type Serial } from '../core/serial.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import { type CertificateRecord, certificateStatus } from '../ledger/record.ts';
import { decodeCertificate } from '../x509/certificate.ts';
import { decodeCrl, findRevocation } from '../x509/crl.ts';
import {
  type CertificateFacts,
  inspectCertificate,
  isSignedBy,
  readCertificateFile,
} from '../x509/inspect.ts';
import { verifyBytes } from '../x509/signature.ts';
import { clientIssuer, type Issuer, openIssuer } from './issuer.ts';
import type { Ports } from './ports.ts';
import type { Settings } from './settings.ts';
import { isOfIssuer, isOwnCertificate } from './target-file.ts';

export type CheckName = 'chain' | 'dates' | 'profile' | 'crl' | 'ledger';

/** One question, its answer, and the reason in plain words. */
export interface Check {
  readonly check: CheckName;
  readonly ok: boolean;
  readonly detail: string;
}

export interface VerifyResult {
  /** Whether who trusts this authority and reads its CRL would accept the certificate now, for its purposes. */
  readonly valid: boolean;
  readonly serial: Serial;
  readonly subject: string;
  /** Extended key usages, such as `clientAuth`. */
  readonly purposes: readonly string[];
  readonly checks: readonly Check[];
}

/**
 * Whether a server would accept the certificate, judged by an independent reader and OpenSSL's signature check
 * rather than by the code that wrote it. Throws for what is no certificate.
 *
 * @param file the certificate in PEM or DER; without it, `word` is a serial in any spelling
 */
export async function verify(
  word: string,
  file: Uint8Array | undefined,
  settings: Settings,
  ports: Pick<Ports, 'ledger' | 'home' | 'clock'>,
): Promise<VerifyResult> {
  const view = await ports.ledger.view();
  const now = ports.clock();
  const der = file ? readCertificateFile(file)[0] : await view.certificateBytes(parseSerial(word));
  const facts = await inspectCertificate(der);
  const issuer = clientIssuer(view.authority);
  const record = await view.certificate(facts.serial);
  const checks = [
    checkChain(der, facts, view, issuer),
    checkDates(facts, issuer, now),
    checkProfile(facts, record, settings),
    await checkCrls(der, facts, view, now, ports),
    await checkLedger(der, record, view, now),
  ];
  return {
    valid: checks.every(({ ok }) => ok),
    serial: facts.serial,
    subject: facts.subject,
    purposes: facts.extendedKeyUsage,
    checks,
  };
}

function checkChain(
  der: Uint8Array,
  facts: CertificateFacts,
  { authority }: LedgerView,
  issuer: Issuer,
): Check {
  if (!isOfIssuer(der, issuer)) {
    return no('chain', `it is not signed by this authority (its issuer calls itself ${facts.issuer})`);
  }
  if (authority.issuing && !isSignedBy(authority.issuing, authority.root))
    return no('chain', 'the issuing CA is not signed by the root');
  return yes(
    'chain',
    authority.issuing ? 'signed by the issuing CA, which the root signed' : 'signed by the root',
  );
}

function checkDates({ notBefore, notAfter }: CertificateFacts, issuer: Issuer, now: Date): Check {
  if (now < notBefore)
    return no('dates', `it is valid from ${formatInstant(notBefore)} on; is the clock right?`);
  if (now > notAfter) return no('dates', `it expired on ${formatInstant(notAfter)}`);
  if (now > issuer.facts.notAfter)
    return no('dates', `its CA expired on ${formatInstant(issuer.facts.notAfter)}`);
  return yes(
    'dates',
    `valid until ${formatInstant(notAfter)}, ${formatDuration(notAfter.getTime() - now.getTime())} more`,
  );
}

function checkProfile(
  facts: CertificateFacts,
  record: CertificateRecord | undefined,
  settings: Settings,
): Check {
  if (facts.basicConstraints?.ca) return no('profile', "it is a CA's certificate, not a client's");
  const name = record?.profile ?? 'client';
  const profile = settings.profiles.get(name);
  if (!profile) return no('profile', `its profile ${name} is not in ca.json any more`);
  const missing = profile.extendedKeyUsage.filter((purpose) => !facts.extendedKeyUsage.includes(purpose));
  if (missing.length > 0) {
    return no(
      'profile',
      `its purposes are ${facts.extendedKeyUsage.join(', ') || 'none'}, without ${missing.join(', ')} of profile ${name}`,
    );
  }
  if (!facts.keyUsage.includes('digitalSignature'))
    return no('profile', 'its key usage lacks digitalSignature');
  return yes('profile', `${name}: ${facts.extendedKeyUsage.join(', ')}`);
}

/** Servers check the whole chain, so that with two tiers the root's CRL is read too. */
async function checkCrls(
  der: Uint8Array,
  { serial }: CertificateFacts,
  view: LedgerView,
  now: Date,
  ports: Pick<Ports, 'home'>,
): Promise<Check> {
  const { root, issuing } = view.authority;
  const issuer = clientIssuer(view.authority);
  if (!isOfIssuer(der, issuer)) return no('crl', 'the CRL says nothing of what another CA has signed');
  if (issuing) {
    const { serial: issuingSerial } = decodeCertificate(issuing);
    const above = await checkCrl(rootCrl, issuingSerial, openIssuer('root', root), now, ports);
    if (!above.ok) return above;
  }
  return checkCrl(clientCrl, serial, issuer, now, ports);
}

const clientCrl = { name: 'the CRL', action: 'run: ca crl' };
const rootCrl = { name: "the root's CRL", action: 'run: ca crl --root' };

async function checkCrl(
  { name, action }: typeof clientCrl,
  serial: Serial,
  issuer: Issuer,
  now: Date,
  ports: Pick<Ports, 'home'>,
): Promise<Check> {
  const der = await ports.home.readCrl(issuer.role);
  if (!der) return no('crl', `${name} is not there; ${action}`);
  let crl: ReturnType<typeof decodeCrl>;
  try {
    crl = decodeCrl(der);
  } catch (error) {
    if (!(error instanceof CaError)) throw error;
    return no('crl', `${name} is damaged: ${error.message}; ${action}`);
  }
  if (!verifyBytes(issuer.facts.spki, issuer.signatureAlgorithm, crl.tbs, crl.signature)) {
    return no('crl', `${name} is not signed by this authority; ${action}`);
  }
  if (crl.thisUpdate > now) {
    return no('crl', `${name} is valid from ${formatInstant(crl.thisUpdate)} on; is the clock right?`);
  }
  if (crl.nextUpdate <= now) {
    return no(
      'crl',
      `${name} expired on ${formatInstant(crl.nextUpdate)}, so servers refuse every client; ${action}`,
    );
  }
  const revocation = findRevocation(crl, serial);
  if (revocation)
    return no('crl', `it was revoked on ${formatInstant(revocation.revokedAt)} (${revocation.reason})`);
  return yes('crl', `not on CRL ${crl.number}, fresh until ${formatInstant(crl.nextUpdate)}`);
}

async function checkLedger(
  der: Uint8Array,
  record: CertificateRecord | undefined,
  view: LedgerView,
  now: Date,
): Promise<Check> {
  if (!record) return no('ledger', whyUnknown(der, view));
  if (Buffer.compare(await view.certificateBytes(record.serial), der) !== 0) {
    return no('ledger', 'the ledger knows its serial with another certificate');
  }
  const status = certificateStatus(record, now);
  if (record.revocation)
    return no('ledger', `revoked on ${formatInstant(record.revocation.at)} (${record.revocation.reason})`);
  if (status === 'superseded')
    return yes('ledger', `of ${record.client}, superseded by a newer one and good until it expires`);
  return yes('ledger', `of ${record.client}, issued on ${formatDay(record.issuedAt)}`);
}

function whyUnknown(der: Uint8Array, { authority }: LedgerView): string {
  if (!isOwnCertificate(der, authority)) return 'the ledger does not know its serial';
  return `it is ours but unknown to the ledger: issued after the backup that the ledger came from, or with a stolen CA key; take it in with ca ledger adopt, or cut it off with ca revoke, and this file`;
}

function yes(check: CheckName, detail: string): Check {
  return { check, ok: true, detail };
}

function no(check: CheckName, detail: string): Check {
  return { check, ok: false, detail };
}
