import type { CertificateRow } from '../../authority/inventory.ts';
import type { CertificateDetails, ClientDetails } from '../../authority/show.ts';
import { formatInstant } from '../../core/instant.ts';
import { printable } from '../../core/printable.ts';
import { formatSan } from '../../core/san.ts';
import { type Line, type View, warning } from '../report.ts';
import { renderList, statusCell } from './list.ts';
import { dayAndDistance, relativeTime } from './relative-time.ts';
import { renderFacts } from './table.ts';

/** A client, a certificate, or the certificates of a key. */
export function renderShow(
  result: ClientDetails | CertificateDetails | readonly CertificateRow[],
  view: View,
): readonly Line[] {
  if ('certificates' in result) return renderClient(result, view);
  return 'pem' in result ? renderCertificate(result, view) : renderList(view)(result);
}

function renderClient(client: ClientDetails, view: View): readonly Line[] {
  const { delivery, files, pkcs12 } = client;
  const passwordFile = pkcs12?.passwordFile ?? files?.pkcs12PasswordFile;
  return [
    ...renderFacts([
      ['client', { text: client.client, decorate: view.style.bold }],
      ['added', dayAndDistance(client.addedAt, view.now)],
      ['profile', client.profile],
      ['subject', client.subject],
      ['names', client.subjectAltNames.map(formatSan).join(', ') || undefined],
      ['key', client.key === 'csr' ? "the client's own (CSR)" : client.key],
      ['validity', client.validity],
      [
        'PKCS#12',
        pkcs12 && `${pkcs12.kind}${passwordFile === undefined ? '' : `, password in ${passwordFile}`}`,
      ],
      ['hook', client.hook],
      ['delivered to', delivery.kind === 'stdout' ? 'standard output: renewed by hand' : files?.directory],
      ['key and chain', files?.bundle],
      ['chain', files?.bundle === undefined ? files?.chain : undefined],
    ]),
    '',
    ...renderList(view)(client.certificates),
    ...(client.problem === undefined ? [] : [warning(`ca: ${printable(client.problem)}`)]),
  ];
}

function renderCertificate(certificate: CertificateDetails, { style, now }: View): readonly Line[] {
  const instant = (at: Date | undefined) => at && `${formatInstant(at)} (${relativeTime(at, now)})`;
  return [
    ...renderFacts([
      ['serial', { text: certificate.serial, decorate: style.bold }],
      ['client', certificate.client],
      ['status', statusCell(certificate.status, style)],
      ['profile', certificate.profile],
      ['subject', certificate.subject],
      ['not before', instant(certificate.notBefore)],
      ['not after', instant(certificate.notAfter)],
      ['issued', instant(certificate.issuedAt)],
      ['delivered', instant(certificate.deliveredAt)],
      ['supersedes', certificate.supersedes],
      ['superseded', instant(certificate.supersededAt)],
      ['revoked', certificate.revokedAt && `${instant(certificate.revokedAt)}: ${certificate.reason}`],
      ['compromised', instant(certificate.invalidityDate)],
      ['fingerprint', certificate.fingerprint],
      ['public key', certificate.key],
    ]),
    certificate.pem.trimEnd(),
  ];
}
