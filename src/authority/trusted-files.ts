import type { AuthorityRecord } from '../ledger/record.ts';
import { encodePem } from '../x509/pem.ts';
import type { Home, NamedFile, Ports } from './ports.ts';

/** A file that servers trust, written anew from the record, and what was wrong with the one in place. */
export interface RestoredFile {
  readonly file: string;
  readonly why: 'missing' | 'not the certificate on record';
}

/** The files that servers are given to trust: `ca.crt`, and with two tiers `chain.crt`. */
export function trustedFiles({ root, issuing }: Pick<AuthorityRecord, 'root' | 'issuing'>): NamedFile[] {
  const certificates = [
    { name: 'ca.crt', der: root },
    ...(issuing ? [{ name: 'chain.crt', der: issuing }] : []),
  ];
  return certificates.map(({ name, der }) => ({
    name,
    content: encodePem('CERTIFICATE', der),
    secret: false,
  }));
}

/** Those of the {@link trustedFiles} that are not as the record has them: a server would trust another CA, or none. */
export async function findUntrusted(
  authority: AuthorityRecord,
  home: Pick<Home, 'readTrusted' | 'filePath'>,
): Promise<readonly RestoredFile[]> {
  const faults: RestoredFile[] = [];
  for (const { name, content } of trustedFiles(authority)) {
    const found = await home.readTrusted(name);
    if (found === content) continue;
    const why = found === undefined ? 'missing' : 'not the certificate on record';
    faults.push({ file: home.filePath(name), why });
  }
  return faults;
}

/** Writes those anew that {@link findUntrusted} finds, unless this is a dry run, and says which. Throws `store/…`. */
export async function restoreTrusted(
  dryRun: boolean,
  { ledger, home }: Pick<Ports, 'ledger' | 'home'>,
): Promise<readonly RestoredFile[]> {
  const { authority } = await ledger.view();
  const faults = await findUntrusted(authority, home);
  if (faults.length > 0 && !dryRun) await home.writeTrusted(trustedFiles(authority));
  return faults;
}
