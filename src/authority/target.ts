import { CaError } from '../core/ca-error.ts';
import { type ClientName, parseClientName } from '../core/client-name.ts';
import { beginning } from '../core/printable.ts';
import { looksLikeSerial, parseSerial, type Serial } from '../core/serial.ts';
import { unknownSerial } from '../ledger/ledger-state.ts';
import type { LedgerView } from '../ledger/ledger-view.ts';
import type { CertificateRecord } from '../ledger/record.ts';

/** What a word on the command line names: a client, one certificate, or all that have a public key. */
export type Target =
  | {
      readonly kind: 'client';
      readonly client: ClientName;
      readonly certificates: readonly CertificateRecord[];
    }
  | { readonly kind: 'certificate'; readonly certificate: CertificateRecord }
  | { readonly kind: 'key'; readonly certificates: readonly CertificateRecord[] };

/**
 * What `word` names: a client, a serial on record in any spelling, else a file that was read from it. A file that
 * happens to be called like a client keeps nobody from revoking it; no path with a separator is a client or serial.
 *
 * Throws `authority/ambiguous-target`, `ledger/unknown-client`, `ledger/unknown-serial`, `ledger/duplicate-serial`,
 * `x509/malformed`, and `ledger/not-recorded` for a certificate of this authority that the record has lost.
 *
 * @param file the content of the file of that name, if there is one
 */
export async function findTarget(
  word: string,
  file: Uint8Array | undefined,
  view: LedgerView,
): Promise<Target> {
  const client = await findClient(word, view);
  // A client or file may be called like a number that is no serial: sixteen zeros.
  const serial = looksLikeSerial(word)
    ? client || file
      ? perhapsSerial(word)
      : parseSerial(word)
    : undefined;
  const certificate = serial === undefined ? undefined : await view.certificate(serial);
  if (client && certificate) {
    throw new CaError('authority/ambiguous-target', `"${word}" is both a client and a serial here`, {
      hint: 'write the serial with colons, or name the certificate as ./FILE',
    });
  }
  if (client) return { kind: 'client', client, certificates: await view.certificatesOf(client) };
  if (certificate) return { kind: 'certificate', certificate };
  if (file) return findByFile(file, view);
  if (serial !== undefined) throw unknownSerial(serial);
  throw new CaError('ledger/unknown-client', `there is no client, certificate or file "${beginning(word)}"`, {
    hint: 'see what there is: ca list',
  });
}

async function findByFile(file: Uint8Array, view: LedgerView): Promise<Target> {
  // Loads the certificate reader, which nobody needs who names a client or serial.
  const { findRecordOf, readTargetFile } = await import('./target-file.ts');
  const named = readTargetFile(file);
  if (named.kind === 'key') {
    const certificates = await view.certificatesWithKey(named.key);
    if (certificates.length > 0) return { kind: 'key', certificates };
    throw new CaError('ledger/unknown-serial', 'no certificate on record has that public key', {
      hint: 'see what there is: ca list',
    });
  }
  const certificate = await findRecordOf(named.der, named.serial, view);
  if (certificate) return { kind: 'certificate', certificate };
  throw new CaError(
    'ledger/not-recorded',
    `this authority signed the certificate ${named.serial}, and the ledger does not know it`,
    {
      hint: 'it was issued after the backup that the ledger came from, or with a stolen CA key; take it in with: ca ledger adopt FILE',
    },
  );
}

async function findClient(word: string, view: LedgerView): Promise<ClientName | undefined> {
  try {
    return (await view.client(parseClientName(word)))?.name;
  } catch (error) {
    if (error instanceof CaError && error.code === 'core/invalid-client-name') return undefined;
    throw error;
  }
}

function perhapsSerial(word: string): Serial | undefined {
  try {
    return parseSerial(word);
  } catch (error) {
    if (error instanceof CaError) return undefined;
    throw error;
  }
}
