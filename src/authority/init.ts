import { CaError } from '../core/ca-error.ts';
import { checkAttribute, formatDistinguishedName } from '../core/distinguished-name.ts';
import { addMs, wholeSeconds } from '../core/instant.ts';
import type { KeyAlgorithm } from '../core/key-algorithm.ts';
import { parseSan } from '../core/san.ts';
import type { Serial } from '../core/serial.ts';
import { serialFromOctets } from '../core/serial.ts';
import { type CrlPublished, type EntryBody, type IssuerRole, ledgerVersion } from '../ledger/entry.ts';
import { encodeSignedHead } from '../ledger/signed-head.ts';
import { approveCertificate, approveCrl, type IssuerFacts } from '../lint/approve.ts';
import { encodeTbsCertificate } from '../x509/certificate.ts';
import { encodeTbsCrl } from '../x509/crl-encoder.ts';
import { sha256Hex } from '../x509/fingerprint.ts';
import { encodeName } from '../x509/name.ts';
import { encodePem } from '../x509/pem.ts';
import { encryptPrivateKey } from '../x509/pkcs8-encryption.ts';
import { encodePrivateKey, readPrivateKey } from '../x509/private-key.ts';
import { signatureAlgorithmOf } from '../x509/signature-algorithm.ts';
import { encodeSpki, keyIdentifier } from '../x509/subject-public-key-info.ts';
import { backdateMs } from './certify.ts';
import { createSigner, openIssuer, type Signer } from './issuer.ts';
import { describeOutliving } from './outliving-profiles.ts';
import type { Ports, PublishedCrl } from './ports.ts';
import { initialSettings, parseSettings, settingsSchema } from './settings.ts';
import { crlTemplate, signedCrl, sumsOf } from './signed-crl.ts';
import { trustedFiles } from './trusted-files.ts';

export interface InitRequest {
  /** The root's common name, such as `Acme API CA`. */
  readonly name: string;
  readonly key: KeyAlgorithm;
  readonly validityMs: number;
  /** A root that can go offline, and an issuing CA below it for daily work. */
  readonly twoTier: boolean;
  /** DNS names below which certificates may be issued; none: any. */
  readonly permitDns: readonly string[];
  readonly crlUrls: readonly string[];
  /** Whether the CA keys are encrypted with a passphrase. */
  readonly encryptKeys: boolean;
  readonly dryRun: boolean;
}

export interface InitResult {
  readonly home: string;
  readonly authority: {
    readonly name: string;
    readonly subject: string;
    readonly serial?: Serial;
    readonly fingerprint?: string;
    readonly notBefore: Date;
    readonly notAfter: Date;
  };
  readonly files: {
    readonly certificate: string;
    readonly chain?: string;
    readonly crl: string;
    readonly crlPem: string;
    readonly rootCrl?: string;
    readonly rootCrlPem?: string;
    /** Both CRLs in one PEM, for servers that take one file. */
    readonly crlBundle?: string;
  };
  /** What will stand in the way of issuing; absent when nothing does. */
  readonly warnings?: readonly string[];
}

/** A CA certificate just made, with its key. */
interface NewCa {
  readonly role: IssuerRole;
  readonly certificate: Uint8Array;
  readonly serial: Serial;
  readonly keyPem: string;
  readonly signer: Signer;
}

/** Makes an authority: keys, certificates, first CRLs, settings and ledger appear together or not at all. */
export async function init(request: InitRequest, ports: Ports): Promise<InitResult> {
  if (await ports.home.exists()) {
    throw new CaError('authority/exists', `there is an authority in ${ports.home.path}`, {
      hint: 'see it with: ca status, and the same --home; make another with: ca init --home DIR',
    });
  }
  const subject = [checkAttribute('CN', request.name)];
  if (request.twoTier) checkAttribute('CN', issuingName(request.name));
  const permitDns = request.permitDns.map(parsePermittedDns);
  const settingsText = initialSettings({ crlUrls: request.crlUrls });
  const settings = parseSettings(settingsText);
  const now = ports.clock();
  const dates = {
    notBefore: wholeSeconds(addMs(now, -backdateMs)),
    notAfter: wholeSeconds(addMs(now, request.validityMs)),
  };
  const outliving = describeOutliving(request.validityMs, settings);
  const result: InitResult = {
    home: ports.home.path,
    authority: { name: request.name, subject: formatDistinguishedName(subject), ...dates },
    files: filesOf(request.twoTier, ports),
    ...(outliving === undefined ? {} : { warnings: [outliving] }),
  };
  if (request.dryRun) return result;

  const passphrases = new Map<IssuerRole, string>();
  const roles: readonly IssuerRole[] = request.twoTier ? ['root', 'issuing'] : ['root'];
  if (request.encryptKeys) {
    for (const role of roles) passphrases.set(role, await ports.obtainPassphrase(role));
  }
  const root = await makeCa(ports, request.key, {
    role: 'root',
    name: request.name,
    ...dates,
    pathLength: request.twoTier ? 1 : 0,
    permittedDns: request.twoTier ? [] : permitDns,
    settings,
  });
  const issuing = request.twoTier
    ? await makeCa(ports, request.key, {
        role: 'issuing',
        name: issuingName(request.name),
        ...dates,
        pathLength: 0,
        permittedDns: permitDns,
        settings,
        parent: root.signer,
      })
    : undefined;

  const cas = issuing ? [root, issuing] : [root];
  const crls = cas.map((ca) =>
    firstCrl(
      ca,
      now,
      ca === root && issuing ? dates.notAfter : addMs(wholeSeconds(now), settings.crl.validityMs),
    ),
  );
  const created: EntryBody = {
    type: 'authority-created',
    version: ledgerVersion,
    name: request.name,
    root: Buffer.from(root.certificate).toString('base64'),
    ...(issuing ? { issuing: Buffer.from(issuing.certificate).toString('base64') } : {}),
  };
  await ports.home.create({
    settings: settingsText,
    settingsSchema: settingsSchema(),
    keys: cas.map(({ role, keyPem }) => ({
      issuer: role,
      pem: protectKey(keyPem, passphrases.get(role), ports),
    })),
    certificates: trustedFiles({
      root: root.certificate,
      ...(issuing ? { issuing: issuing.certificate } : {}),
    }),
    crls: crls.map(({ file }) => file),
    entries: [created, ...crls.map(({ entry }) => entry)],
    signHead: (head) => encodeSignedHead((issuing ?? root).signer.signHead(request.name, head)),
  });
  return {
    ...result,
    authority: {
      name: request.name,
      subject: result.authority.subject,
      serial: root.serial,
      fingerprint: sha256Hex(root.certificate),
      ...dates,
    },
  };
}

/** A name constraint stands for a name and all below it, so that a leading dot or `*` has no place in it. */
function parsePermittedDns(text: string): string {
  const { value } = parseSan('dns', text.replace(/^\./, ''));
  if (value.startsWith('*.')) {
    throw new CaError('core/invalid-san', `permitted name "${value}" is a wildcard (RFC 5280 §4.2.1.10)`, {
      hint: `write ${value.slice(2)}, which permits every name below it too`,
    });
  }
  return value;
}

async function makeCa(
  ports: Ports,
  algorithm: KeyAlgorithm,
  plan: {
    readonly role: IssuerRole;
    readonly name: string;
    readonly notBefore: Date;
    readonly notAfter: Date;
    readonly pathLength: number;
    readonly permittedDns: readonly string[];
    readonly settings: ReturnType<typeof parseSettings>;
    /** The CA above; a root signs itself. */
    readonly parent?: Signer;
  },
): Promise<NewCa> {
  const pair = await ports.generateKey(algorithm);
  const spki = encodeSpki(pair.algorithm, pair.publicKey);
  const keyPem = encodePem('PRIVATE KEY', encodePrivateKey(pair));
  const { key } = readPrivateKey(keyPem);
  const octets = ports.random(16);
  octets[0] = ((octets[0] ?? 0) & 0x7f) | 0x40;
  const serial = serialFromOctets(octets);
  const subject = encodeName([{ type: 'CN', value: plan.name }]);
  const facts: IssuerFacts = plan.parent?.issuer.facts ?? {
    subject,
    spki,
    keyIdentifier: keyIdentifier(spki),
    notBefore: plan.notBefore,
    notAfter: plan.notAfter,
    selfSigned: true,
    permittedDns: [],
  };
  const signatureAlgorithm = plan.parent?.issuer.signatureAlgorithm ?? signatureAlgorithmOf(algorithm);
  const tbs = encodeTbsCertificate({
    serial,
    signatureAlgorithm,
    issuer: facts.subject,
    notBefore: plan.notBefore,
    notAfter: plan.notAfter,
    subject,
    spki,
    basicConstraints: { ca: true, pathLength: plan.pathLength },
    keyUsage: ['keyCertSign', 'cRLSign'],
    extendedKeyUsage: [],
    subjectAltNames: [],
    ...(plan.parent ? { authorityKeyIdentifier: facts.keyIdentifier } : {}),
    crlDistributionPoints: [],
    caIssuers: [],
    permittedDns: plan.permittedDns,
  });
  const signer =
    plan.parent ?? createSigner({ role: 'root', certificate: tbs, signatureAlgorithm, facts }, key);
  const certificate = Buffer.concat(signer.sign(approveCertificate(tbs, facts)));
  return {
    role: plan.role,
    certificate,
    serial,
    keyPem,
    signer: createSigner(openIssuer(plan.role, certificate), key),
  };
}

function firstCrl(ca: NewCa, now: Date, nextUpdate: Date): { file: PublishedCrl; entry: CrlPublished } {
  const { issuer } = ca.signer;
  const thisUpdate = wholeSeconds(now);
  const number = BigInt(thisUpdate.getTime());
  const tbs = encodeTbsCrl(crlTemplate(issuer, { thisUpdate, nextUpdate, number }));
  const file = signedCrl(ca.signer, approveCrl(tbs, issuer.facts));
  return {
    file,
    entry: {
      type: 'crl-published',
      issuer: ca.role,
      number: `${number}`,
      thisUpdate,
      nextUpdate,
      entries: 0,
      ...sumsOf(file),
    },
  };
}

function protectKey(keyPem: string, passphrase: string | undefined, ports: Pick<Ports, 'random'>): string {
  if (passphrase === undefined) return keyPem;
  return encryptPrivateKey(readPrivateKey(keyPem).pkcs8, passphrase, {
    salt: ports.random(16),
    iv: ports.random(16),
  });
}

function issuingName(name: string): string {
  return `${name} Issuing`;
}

function filesOf(twoTier: boolean, { home }: Pick<Ports, 'home'>): InitResult['files'] {
  const crl = home.crlPaths(twoTier ? 'issuing' : 'root', twoTier);
  const certificate = home.filePath('ca.crt');
  if (!twoTier) return { certificate, crl: crl.der, crlPem: crl.pem };
  const rootCrl = home.crlPaths('root', twoTier);
  return {
    certificate,
    chain: home.filePath('chain.crt'),
    crl: crl.der,
    crlPem: crl.pem,
    rootCrl: rootCrl.der,
    rootCrlPem: rootCrl.pem,
    crlBundle: home.filePath('crl/all.crl.pem'),
  };
}
