import type { BackupManifest } from '../authority/backup-ports.ts';
import { integer, isObject, object, type Shape, ShapeFault, text } from '../ledger/json-shape.ts';
import { damagedBackup, notABackup } from './backup-fault.ts';

/** The version of the layout that this code writes and reads. */
const backupVersion = 1;

const time: Shape<Date> = {
  read: (json) => {
    const instant = new Date(typeof json === 'string' ? json : Number.NaN);
    if (Number.isNaN(instant.getTime()) || instant.toISOString() !== json)
      throw new ShapeFault('is not a UTC time');
    return instant;
  },
  write: (value) => value.toISOString(),
};

const sha256 = text<string>('a SHA-256 in lower-case hex', (found) => /^[0-9a-f]{64}$/.test(found));

const shape = object<BackupManifest & { readonly backup: number }>({
  backup: integer(1),
  createdAt: time,
  authority: object<BackupManifest['authority']>({
    name: text<string>('text', () => true),
    fingerprint: sha256,
  }),
  head: object<BackupManifest['head']>({ seq: integer(1), hash: sha256, time }),
});

/** The manifest as JSON that a person can read. */
export function encodeManifest(manifest: BackupManifest): Uint8Array {
  return Buffer.from(`${JSON.stringify(shape.write({ backup: backupVersion, ...manifest }), null, 2)}\n`);
}

/** Throws `store/not-a-backup` for the version of another program, `store/damaged-backup`. */
export function parseManifest(octets: Uint8Array): BackupManifest {
  try {
    const json: unknown = JSON.parse(Buffer.from(octets).toString('utf8'));
    if (isObject(json) && typeof json['backup'] === 'number' && json['backup'] > backupVersion) {
      throw notABackup(
        `is a backup of version ${json['backup']}; this program knows version ${backupVersion}`,
        'upgrade this program',
      );
    }
    const { backup: _, ...manifest } = shape.read(json);
    return manifest;
  } catch (error) {
    if (error instanceof ShapeFault) throw damagedBackup(`its manifest ${error.message}`);
    if (error instanceof SyntaxError) throw damagedBackup('its manifest is not JSON');
    throw error;
  }
}
