import { CaError } from '../core/ca-error.ts';
import { formatInstant } from '../core/instant.ts';
import type { AuthorityCreated, CrlPublished, Entry, IssuerRole } from '../ledger/entry.ts';
import { authorityRecord } from '../ledger/entry-records.ts';
import type { AuthorityRecord } from '../ledger/record.ts';
import { decodeCrl } from '../x509/crl.ts';
import { sha256Hex } from '../x509/fingerprint.ts';
import { isSignedBy, readCertificateFile } from '../x509/inspect.ts';
import { isEncrypted } from '../x509/private-key.ts';
import { verifyBytes } from '../x509/signature.ts';
import { issuersOf, withoutKey } from './backup.ts';
import type { BackupContents } from './backup-ports.ts';
import { clientIssuerRole, openCaKey, openIssuer } from './issuer.ts';
import type { ObtainPassphrase } from './ports.ts';
import { parseSettings } from './settings.ts';

/** `unproved`: a key that is not in it or was not opened, where that is no fault; a drill says it of `keys`. */
export type BackupCheckName = 'archive' | 'settings' | 'chain' | 'ledger' | 'crl' | 'keys' | 'unproved';

/** One question about a backup, its answer, and the reason in plain words. */
export interface BackupCheck {
  readonly check: BackupCheckName;
  readonly ok: boolean;
  readonly detail: string;
}

/** What the record in a backup tells as it is read. */
export class RecordSummary {
  #created: (Entry & AuthorityCreated) | undefined;
  readonly lastCrls = new Map<IssuerRole, CrlPublished>();
  certificates = 0;

  readonly visit = (entry: Entry): void => {
    if (entry.type === 'authority-created') this.#created ??= entry;
    if (entry.type === 'crl-published') this.lastCrls.set(entry.issuer, entry);
    if (entry.type === 'issued') this.certificates++;
  };

  /** The authority of the first entry; undefined if the record does not begin with one. */
  get authority(): AuthorityRecord | undefined {
    return this.#created?.seq === 1 ? authorityRecord(this.#created) : undefined;
  }
}

export interface KeyChecks {
  readonly obtainPassphrase: ObtainPassphrase;
  /**
   * True to open every key, and to miss one that daily work needs. Otherwise an encrypted root key of two tiers stays
   * closed, and the other may: its passphrase is not needed to have the authority back, its CRLs and its record.
   */
  readonly all: boolean;
}

/**
 * Whether a backup that is whole has everything that an authority needs, and whether its parts belong together. The
 * signatures of clients' certificates are left to `ca ledger verify`.
 */
export async function checkBackup(
  contents: BackupContents,
  record: RecordSummary,
  keys: KeyChecks,
): Promise<readonly BackupCheck[]> {
  const { manifest, size } = contents;
  const checks = [
    yes('archive', `${size.files} files, each as it was on ${formatInstant(manifest.createdAt)}`),
    checkSettings(contents),
  ];
  const { authority } = record;
  if (!authority) return [...checks, no('ledger', 'its first entry is not that of an authority')];
  return [
    ...checks,
    checkChain(contents, authority),
    yes(
      'ledger',
      `unbroken to entry ${manifest.head.seq} of ${formatInstant(manifest.head.time)}, with ${record.certificates} certificate${record.certificates === 1 ? '' : 's'}`,
    ),
    checkCrls(contents, authority, record),
    ...(await checkKeys(contents, authority, keys)),
  ];
}

function checkSettings({ files }: BackupContents): BackupCheck {
  const settings = files.get('ca.json');
  if (!settings) return no('settings', 'ca.json is not in it');
  try {
    parseSettings(Buffer.from(settings).toString('utf8'));
    return yes('settings', 'ca.json is sound');
  } catch (error) {
    return no('settings', explain(error));
  }
}

function checkChain({ files, manifest }: BackupContents, authority: AuthorityRecord): BackupCheck {
  const { root, issuing } = authority;
  if (sha256Hex(root) !== manifest.authority.fingerprint || authority.name !== manifest.authority.name) {
    return no('chain', 'the manifest names another authority than the ledger');
  }
  const wanted = [['ca.crt', root] as const, ...(issuing ? [['chain.crt', issuing] as const] : [])];
  for (const [name, der] of wanted) {
    const file = files.get(name);
    if (!file) return no('chain', `${name} is not in it`);
    try {
      if (Buffer.compare(readCertificateFile(file)[0], der) !== 0) {
        return no('chain', `${name} is not the certificate that the ledger begins with`);
      }
    } catch (error) {
      return no('chain', `${name}: ${explain(error)}`);
    }
  }
  if (!isSignedBy(root, root)) return no('chain', 'the root has not signed itself');
  if (issuing && !isSignedBy(issuing, root)) return no('chain', 'the issuing CA is not signed by the root');
  return yes('chain', issuing ? 'the root signed itself and the issuing CA' : 'the root signed itself');
}

/** An old list is no fault: the first run of `ca renew` signs a new one. */
function checkCrls(
  { files }: BackupContents,
  authority: AuthorityRecord,
  { lastCrls }: RecordSummary,
): BackupCheck {
  const details: string[] = [];
  for (const role of issuersOf(authority)) {
    const name = role === clientIssuerRole(authority) ? 'ca.crl' : 'root.crl';
    const der = files.get(`crl/${name}`);
    if (!der) return no('crl', `crl/${name} is not in it`);
    const issuer = openIssuer(role, (role === 'issuing' ? authority.issuing : undefined) ?? authority.root);
    try {
      const crl = decodeCrl(der);
      if (!verifyBytes(issuer.facts.spki, issuer.signatureAlgorithm, crl.tbs, crl.signature)) {
        return no('crl', `crl/${name} is not signed by this authority`);
      }
      if (sha256Hex(der) !== lastCrls.get(role)?.sha256) {
        return no('crl', `crl/${name} is not the one that the ledger recorded last`);
      }
      details.push(`${name} with number ${crl.number}`);
    } catch (error) {
      return no('crl', `crl/${name}: ${explain(error)}`);
    }
  }
  return yes('crl', `${details.join(' and ')}, as the ledger has it`);
}

async function checkKeys(
  { keys }: BackupContents,
  authority: AuthorityRecord,
  { obtainPassphrase, all }: KeyChecks,
): Promise<readonly BackupCheck[]> {
  const details: string[] = [];
  const unproved: string[] = [];
  for (const role of issuersOf(authority)) {
    const pem = keys.get(role);
    const isNeeded = role === clientIssuerRole(authority);
    if (pem === undefined) {
      if (isNeeded && all) return [no('keys', withoutKey(role))];
      if (isNeeded) unproved.push(withoutKey(role));
      details.push(`keys/${role}.key is kept elsewhere`);
    } else if (isEncrypted(pem) && !isNeeded && !all) {
      details.push(`keys/${role}.key was not tried`);
    } else {
      const issuer = openIssuer(role, (role === 'issuing' ? authority.issuing : undefined) ?? authority.root);
      try {
        const { spki } = await openCaKey(role, pem, obtainPassphrase);
        if (Buffer.compare(spki, issuer.facts.spki) !== 0) {
          return [no('keys', `keys/${role}.key is not the key of the ${role} CA's certificate`)];
        }
      } catch (error) {
        if (!(error instanceof CaError)) throw error;
        const isClosed = error.code === 'x509/wrong-passphrase' || error.code === 'cli/no-terminal';
        if (isClosed && !all) {
          unproved.push(`keys/${role}.key was not opened, so it may not be the right one: ${error.message}`);
          continue;
        }
        if (!error.code.startsWith('x509/')) throw error;
        return [no('keys', `keys/${role}.key: ${error.message}`)];
      }
      details.push(`keys/${role}.key opens and fits its certificate`);
    }
  }
  return [yes('keys', details.join('; ')), ...unproved.map((detail) => no('unproved', detail))];
}

function explain(error: unknown): string {
  if (error instanceof CaError) return error.message;
  throw error;
}

function yes(check: BackupCheckName, detail: string): BackupCheck {
  return { check, ok: true, detail };
}

/** The answer to a question that cannot be answered with yes. */
export function no(check: BackupCheckName, detail: string): BackupCheck {
  return { check, ok: false, detail };
}
