import { CaError } from '../core/ca-error.ts';
import type { ClientName } from '../core/client-name.ts';
import {
  checkAttribute,
  type DistinguishedName,
  formatDistinguishedName,
  parseDistinguishedName,
} from '../core/distinguished-name.ts';
import { parseDuration } from '../core/duration.ts';
import { addMs, earlier, formatInstant, later, wholeSeconds } from '../core/instant.ts';
import { formatSan, isDnsWithin, type San } from '../core/san.ts';
import { type Serial, serialFromOctets } from '../core/serial.ts';
import type { ClientPolicy, Issued } from '../ledger/entry.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import { type Approved, approveCertificate } from '../lint/approve.ts';
import { encodeTbsCertificate } from '../x509/certificate.ts';
import { encodeName } from '../x509/name.ts';
import { encodePem } from '../x509/pem.ts';
import { encodePrivateKey } from '../x509/private-key.ts';
import { encodeSpki, readKeyKind, spkiFingerprint } from '../x509/subject-public-key-info.ts';
import { checkWithinIssuer, type Issuer, type Signer } from './issuer.ts';
import type { Ports, RandomOctets } from './ports.ts';
import { findProfile, type Profile, type Settings } from './settings.ts';

/** How far back a certificate's notBefore lies, for clients and servers whose clocks are slow. */
export const backdateMs = 5 * 60_000;

/** A certificate as decided, before it has a key and a serial. */
export interface CertificatePlan {
  readonly client: ClientName;
  readonly profile: Profile;
  readonly subject: DistinguishedName;
  readonly subjectAltNames: readonly San[];
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** What a certificate hangs on besides its client. */
export interface CertificateContext {
  readonly settings: Settings;
  readonly issuer: Issuer;
  readonly now: Date;
}

/**
 * The certificate that a client's policy asks for at `now`. Throws what a person should know before anything is
 * signed: `authority/unknown-profile`, `authority/san-required`, `authority/name-not-permitted`,
 * `authority/validity-exceeds-issuer`, `core/invalid-name`.
 *
 * @param options.cutShort end with the issuer instead of refusing; for renewals, which must not fail for it
 */
export function planCertificate(
  client: ClientName,
  policy: ClientPolicy,
  context: CertificateContext,
  options: { readonly cutShort: boolean },
): CertificatePlan {
  const { settings, issuer, now } = context;
  const profile = findProfile(settings, policy.profile);
  const subject =
    policy.subject === undefined ? [checkAttribute('CN', client)] : parseDistinguishedName(policy.subject);
  const validityMs = policy.validity === undefined ? profile.validityMs : parseDuration(policy.validity);
  const wanted = wholeSeconds(addMs(now, validityMs));
  if (now > issuer.facts.notAfter) {
    throw new CaError(
      'authority/validity-exceeds-issuer',
      `the CA expired at ${formatInstant(issuer.facts.notAfter)}`,
      {
        hint: 'make a new authority, and give its ca.crt to the servers',
      },
    );
  }
  if (!options.cutShort) checkWithinIssuer(issuer, wanted);
  checkNames(profile, subject, policy.subjectAltNames, issuer.facts.permittedDns);
  return {
    client,
    profile,
    subject,
    subjectAltNames: policy.subjectAltNames,
    notBefore: later(wholeSeconds(addMs(now, -backdateMs)), issuer.facts.notBefore),
    notAfter: earlier(wanted, issuer.facts.notAfter),
  };
}

/** Throws `authority/key-barred` if that public key was ever compromised, for whichever client. */
export async function checkKeyNotBarred(view: LedgerView, key: string): Promise<void> {
  if (!(await view.isKeyBarred(key))) return;
  const certificates = await view.certificatesWithKey(key);
  const revoked = certificates.find(({ revocation }) => revocation?.reason === 'keyCompromise');
  const [first] = certificates;
  const known = revoked
    ? `: certificate ${revoked.serial} of ${revoked.client} was revoked for it`
    : first && `: it is that of certificate ${first.serial} of ${first.client}`;
  throw new CaError('authority/key-barred', `the key was compromised${known ?? ''}`, {
    hint: 'make a new key and a new request',
  });
}

/** A serial number of 16 random octets that the ledger does not know (RFC 5280 §4.1.2.2). */
export async function newSerial(random: RandomOctets, view: LedgerView): Promise<Serial> {
  for (;;) {
    const octets = random(16);
    octets[0] = (octets[0] ?? 0) & 0x7f;
    // A leading zero octet would shorten the serial; draw again rather than have two spellings of it in files.
    if ((octets[0] ?? 0) === 0) continue;
    const serial = serialFromOctets(octets);
    if (!(await view.certificate(serial))) return serial;
  }
}

/** A new key pair of that kind, as SubjectPublicKeyInfo and PKCS#8 in PEM. */
export async function makeKey(
  algorithm: ClientPolicy['key'],
  ports: Pick<Ports, 'generateKey'>,
): Promise<{ readonly spki: Uint8Array; readonly pem: string }> {
  if (algorithm === 'csr') throw new Error('a client that brings a CSR has no key of ours');
  const pair = await ports.generateKey(algorithm);
  return {
    spki: encodeSpki(pair.algorithm, pair.publicKey),
    pem: encodePem('PRIVATE KEY', encodePrivateKey(pair)),
  };
}

/** A signed certificate in DER, and the entry that records it. */
export interface Certified {
  readonly certificate: Uint8Array;
  readonly entry: Issued;
}

/** The signed certificate and the entry that records it. Throws `lint/refused`. */
export function certify(
  plan: CertificatePlan,
  serial: Serial,
  spki: Uint8Array,
  signer: Signer,
  settings: Settings,
): Certified {
  return certified(plan, serial, spki, signer.sign(approve(plan, serial, spki, signer.issuer, settings)));
}

/** What a certificate is made of, linted as it will be signed. */
export interface ApprovedPlan {
  readonly plan: CertificatePlan;
  readonly serial: Serial;
  readonly spki: Uint8Array;
  readonly approved: Approved;
}

/** Each plan with what {@link certify} would make of it, signed on other threads. */
export async function certifyAll<T extends ApprovedPlan>(
  plans: readonly T[],
  signer: Signer,
): Promise<readonly (T & Certified)[]> {
  const signed = await signer.signAll(plans);
  return signed.map((each) => ({ ...each, ...certified(each.plan, each.serial, each.spki, each.signed) }));
}

function certified(
  plan: CertificatePlan,
  serial: Serial,
  spki: Uint8Array,
  signed: readonly Uint8Array[],
): Certified {
  const certificate = Buffer.concat(signed);
  const entry: Issued = {
    type: 'issued',
    client: plan.client,
    serial,
    notBefore: plan.notBefore,
    notAfter: plan.notAfter,
    key: spkiFingerprint(spki),
    profile: plan.profile.name,
    subject: formatDistinguishedName(plan.subject),
    certificate: certificate.toString('base64'),
  };
  return { certificate, entry };
}

/** The plan's certificate as it may be signed. Throws `lint/refused`: for dry runs, which sign nothing. */
export function approve(
  plan: CertificatePlan,
  serial: Serial,
  spki: Uint8Array,
  issuer: Issuer,
  settings: Settings,
): Approved {
  const tbs = encodeTbsCertificate({
    serial,
    signatureAlgorithm: issuer.signatureAlgorithm,
    issuer: issuer.facts.subject,
    notBefore: plan.notBefore,
    notAfter: plan.notAfter,
    subject: encodeName(plan.subject),
    spki,
    basicConstraints: { ca: false },
    keyUsage: leafKeyUsage(spki),
    extendedKeyUsage: plan.profile.extendedKeyUsage,
    subjectAltNames: plan.subjectAltNames,
    authorityKeyIdentifier: issuer.facts.keyIdentifier,
    crlDistributionPoints: settings.crl.urls,
    caIssuers: settings.caIssuers,
    permittedDns: [],
  });
  return approveCertificate(tbs, issuer.facts);
}

function leafKeyUsage(spki: Uint8Array): readonly ('digitalSignature' | 'keyEncipherment')[] {
  // RFC 9295 §3: keyEncipherment must not stand with Ed25519; for EC it means nothing (RFC 5480 §3).
  return readKeyKind(spki) === 'rsa' ? ['digitalSignature', 'keyEncipherment'] : ['digitalSignature'];
}

function checkNames(
  profile: Profile,
  subject: DistinguishedName,
  sans: readonly San[],
  permittedDns: readonly string[],
): void {
  if (profile.requireSan.length > 0 && !sans.some((san) => profile.requireSan.includes(san.type))) {
    throw new CaError(
      'authority/san-required',
      `profile ${profile.name} needs a name of type ${profile.requireSan.join(' or ')}`,
      {
        hint: `add one with --${profile.requireSan[0]}`,
      },
    );
  }
  if (subject.length === 0 && sans.length === 0) {
    throw new CaError(
      'authority/san-required',
      'a certificate with an empty subject needs a subject alternative name',
      {
        hint: 'add one with --dns, --ip, --email or --uri',
      },
    );
  }
  const uris = sans.filter(({ type }) => type === 'uri');
  if (uris.length > 1 && uris.some(({ value }) => value.startsWith('spiffe:'))) {
    throw new CaError(
      'core/invalid-san',
      `a certificate with a SPIFFE ID has ${uris.length} URI names > 1 allowed (SPIFFE X509-SVID §2)`,
      { hint: 'ask for one of them; give each workload a client of its own' },
    );
  }
  if (permittedDns.length === 0) return;
  const outside = sans.find(
    (san) => san.type === 'dns' && !permittedDns.some((base) => isDnsWithin(san.value, base)),
  );
  if (outside) {
    throw new CaError(
      'authority/name-not-permitted',
      `${formatSan(outside)} is outside the names that this CA may certify (${permittedDns.join(', ')})`,
      {
        hint: 'the limit was set at init with --permit-dns and cannot be widened',
      },
    );
  }
}
