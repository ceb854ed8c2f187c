import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import type { DistinguishedName } from '../../src/core/distinguished-name.ts';
import type { Serial } from '../../src/core/serial.ts';
import type { IssuerFacts } from '../../src/lint/rule.ts';
import { type CertificateTemplate, encodeSigned, encodeTbsCertificate } from '../../src/x509/certificate.ts';
import { encodeTbsCrl, type SmallCrlTemplate } from '../../src/x509/crl-encoder.ts';
import { explicit, integer, sequence, time } from '../../src/x509/der-writer.ts';
import {
  authorityKeyIdentifierExtension,
  basicConstraintsExtension,
  extendedKeyUsageExtension,
  keyUsageExtension,
  subjectAltNameExtension,
  subjectKeyIdentifierExtension,
} from '../../src/x509/extensions.ts';
import { encodeName } from '../../src/x509/name.ts';
import { encodeSignatureAlgorithm } from '../../src/x509/signature-algorithm.ts';
import { encodeSpki, keyIdentifier } from '../../src/x509/subject-public-key-info.ts';

/** Octets of hex text, in which spaces may stand. */
export function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replace(/\s/g, ''), 'hex'));
}

/** Hex text of octets. */
export function toHex(octets: Uint8Array): string {
  return Buffer.from(octets).toString('hex');
}

export function instant(text: string): Date {
  return new Date(text);
}

/** An Ed25519 key whose seed is 32 times that octet: its signatures are the same at every run (RFC 8032). */
export function ed25519Key(octet: number): KeyObject {
  const seed = Buffer.alloc(32, octet);
  return createPrivateKey({
    key: Buffer.concat([hex('302e020100300506032b657004220420'), seed]),
    format: 'der',
    type: 'pkcs8',
  });
}

export function spkiOf(key: KeyObject): Uint8Array {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return Uint8Array.from(publicKey.export({ format: 'der', type: 'spki' }));
}

/** The example key of RFC 6979 §A.2.5. */
export const p256Spki = encodeSpki(
  'p256',
  hex(`04 60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6
       7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299`),
);

export const caKey = ed25519Key(1);
export const caSpki = spkiOf(caKey);
export const leafSpki = spkiOf(ed25519Key(2));

export const caName: DistinguishedName = [
  { type: 'C', value: 'DE' },
  { type: 'O', value: 'Müller GmbH' },
  { type: 'CN', value: 'Müller CA' },
];

export const issuer: IssuerFacts = {
  subject: encodeName(caName),
  spki: caSpki,
  keyIdentifier: keyIdentifier(caSpki),
  notBefore: instant('2026-01-01T00:00:00Z'),
  notAfter: instant('2056-01-01T00:00:00Z'),
  selfSigned: false,
  permittedDns: [],
};

/** What a CA that judges its own certificate knows. */
export const selfIssuer: IssuerFacts = { ...issuer, selfSigned: true };

export const leafTemplate: CertificateTemplate = {
  serial: '4fa1b2c3d4e5f60718293a4b5c6d7e8f' as Serial,
  signatureAlgorithm: 'Ed25519',
  issuer: issuer.subject,
  notBefore: instant('2026-11-22T08:55:00Z'),
  notAfter: instant('2027-02-20T09:00:00Z'),
  subject: encodeName([{ type: 'CN', value: 'billing' }]),
  spki: p256Spki,
  basicConstraints: { ca: false },
  keyUsage: ['digitalSignature'],
  extendedKeyUsage: ['clientAuth'],
  subjectAltNames: [],
  authorityKeyIdentifier: issuer.keyIdentifier,
  crlDistributionPoints: [],
  caIssuers: [],
  permittedDns: [],
};

export const rootTemplate: CertificateTemplate = {
  ...leafTemplate,
  notBefore: issuer.notBefore,
  notAfter: issuer.notAfter,
  subject: issuer.subject,
  spki: caSpki,
  basicConstraints: { ca: true },
  keyUsage: ['keyCertSign', 'cRLSign'],
  extendedKeyUsage: [],
};

/** A certificate that `issuer` signs below its root. */
export const intermediateTemplate: CertificateTemplate = {
  ...rootTemplate,
  subject: encodeName([{ type: 'CN', value: 'Müller Issuing CA' }]),
  spki: leafSpki,
  basicConstraints: { ca: true, pathLength: 0 },
};

export const crlTemplate: SmallCrlTemplate = {
  signatureAlgorithm: 'Ed25519',
  issuer: issuer.subject,
  thisUpdate: instant('2026-11-22T09:00:00Z'),
  nextUpdate: instant('2026-12-22T09:00:00Z'),
  number: 1_795_338_000_000n,
  authorityKeyIdentifier: issuer.keyIdentifier,
  revocations: [],
};

/** The certificate of a template, signed with {@link caKey}. */
export function signCertificate(template: CertificateTemplate): Uint8Array {
  return signTbs(encodeTbsCertificate(template));
}

export function signCrl(template: SmallCrlTemplate): Uint8Array {
  return signTbs(encodeTbsCrl(template));
}

export function signTbs(tbs: Uint8Array): Uint8Array {
  return encodeSigned(tbs, 'Ed25519', sign(null, tbs, caKey));
}

/** The parts of a leaf's TBSCertificate, to be replaced one by one with what no template can say. */
export const tbsParts = {
  version: explicit(0, integer(2)),
  serial: integer(hex(leafTemplate.serial)),
  signatureAlgorithm: encodeSignatureAlgorithm('Ed25519'),
  issuer: issuer.subject,
  validity: sequence(time(leafTemplate.notBefore), time(leafTemplate.notAfter)),
  subject: leafTemplate.subject,
  spki: p256Spki,
};

/** The extensions of that leaf, in their order, under short names. */
export const extensionParts = {
  bc: basicConstraintsExtension({ ca: false }),
  ku: keyUsageExtension(['digitalSignature']),
  eku: extendedKeyUsageExtension(['clientAuth']),
  ski: subjectKeyIdentifierExtension(keyIdentifier(p256Spki)),
  aki: authorityKeyIdentifierExtension(issuer.keyIdentifier),
};

/** An SAN extension with one name. */
export const dnsSan = subjectAltNameExtension([{ type: 'dns', value: 'billing.example.com' }], {
  critical: false,
});

/** A TBSCertificate of those parts, some replaced, left out (empty) or added (under new names). */
export function buildTbs(
  parts: Partial<typeof tbsParts> = {},
  extensions: Readonly<Record<string, Uint8Array>> = {},
): Uint8Array {
  const all = Object.values({ ...extensionParts, ...extensions }).filter(({ length }) => length > 0);
  const wrapped = all.length > 0 ? explicit(3, sequence(...all)) : new Uint8Array(0);
  return sequence(...Object.values({ ...tbsParts, ...parts }), wrapped);
}
