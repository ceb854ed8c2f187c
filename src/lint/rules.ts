import { basicConstraints } from './certificate/basic-constraints.ts';
import { caKeyUsage } from './certificate/ca-key-usage.ts';
import { extendedKeyUsage } from './certificate/extended-key-usage.ts';
import { extensionsCritical } from './certificate/extensions-critical.ts';
import { extensionsKnown } from './certificate/extensions-known.ts';
import { extensionsOnce } from './certificate/extensions-once.ts';
import { httpUrls } from './certificate/http-urls.ts';
import { identity } from './certificate/identity.ts';
import { keyUsageOfKey } from './certificate/key-usage-of-key.ts';
import { leafKeyUsage } from './certificate/leaf-key-usage.ts';
import { nameConstraints } from './certificate/name-constraints.ts';
import { noRevAvail } from './certificate/no-rev-avail.ts';
import { pathLength } from './certificate/path-length.ts';
import { permittedNames } from './certificate/permitted-names.ts';
import { publicKey } from './certificate/public-key.ts';
import { selfSigned } from './certificate/self-signed.ts';
import { serialEntropy } from './certificate/serial-entropy.ts';
import { serialLength } from './certificate/serial-length.ts';
import { serialPositive } from './certificate/serial-positive.ts';
import { spiffeId } from './certificate/spiffe-id.ts';
import { subjectAltNames } from './certificate/subject-alt-names.ts';
import { subjectKeyIdentifier } from './certificate/subject-key-identifier.ts';
import { subjectName } from './certificate/subject-name.ts';
import { validityForm } from './certificate/validity-form.ts';
import { validityOrder } from './certificate/validity-order.ts';
import { validityWithinIssuer } from './certificate/validity-within-issuer.ts';
import { version } from './certificate/version.ts';
import { crlExtensions } from './crl/crl-extensions.ts';
import { crlNumber } from './crl/crl-number.ts';
import { crlVersion } from './crl/crl-version.ts';
import { entryExtensions } from './crl/entry-extensions.ts';
import { entryOnce } from './crl/entry-once.ts';
import { entryReason } from './crl/entry-reason.ts';
import { entrySerial } from './crl/entry-serial.ts';
import { entryTimeForm } from './crl/entry-time-form.ts';
import { noEmptyList } from './crl/no-empty-list.ts';
import { updateForm } from './crl/update-form.ts';
import { updateOrder } from './crl/update-order.ts';
import type { CertificateRule, CrlEntryRule, CrlRule } from './rule.ts';
import { authorityKeyIdentifier } from './signed/authority-key-identifier.ts';
import { issuerName } from './signed/issuer-name.ts';
import { signatureAlgorithm } from './signed/signature-algorithm.ts';

/** What holds for every certificate that is signed, in the order of RFC 5280 §4. */
export const certificateRules: readonly CertificateRule[] = [
  version,
  serialPositive,
  serialLength,
  serialEntropy,
  signatureAlgorithm,
  issuerName,
  validityForm,
  validityOrder,
  validityWithinIssuer,
  subjectName,
  identity,
  publicKey,
  selfSigned,
  extensionsOnce,
  extensionsKnown,
  extensionsCritical,
  basicConstraints,
  pathLength,
  caKeyUsage,
  leafKeyUsage,
  keyUsageOfKey,
  extendedKeyUsage,
  subjectKeyIdentifier,
  authorityKeyIdentifier,
  subjectAltNames,
  spiffeId,
  nameConstraints,
  permittedNames,
  noRevAvail,
  httpUrls,
];

/** What holds for every CRL that is signed. */
export const crlRules: readonly CrlRule[] = [
  crlVersion,
  signatureAlgorithm,
  issuerName,
  updateForm,
  updateOrder,
  authorityKeyIdentifier,
  crlNumber,
  crlExtensions,
  noEmptyList,
];

/** What holds for every entry of it. */
export const crlEntryRules: readonly CrlEntryRule[] = [
  entrySerial,
  entryTimeForm,
  entryReason,
  entryExtensions,
];

/** What holds for its entries together, if each of them is as it should be. */
export const crlEntriesRules: readonly CrlRule[] = [entryOnce];
