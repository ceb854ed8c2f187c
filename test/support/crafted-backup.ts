import { createHash } from 'node:crypto';
import { encodeTarHeader, paddingOf, type TarEntry, tarEnd } from '../../src/store/tar.ts';

/** A member with its content. */
export type CraftedMember =
  | Exclude<TarEntry, { type: 'file' }>
  | { readonly path: string; readonly content: string; readonly mode?: number }
  /** The last one: its header alone, for a file to be made as long as it says. */
  | { readonly path: string; readonly octets: number };

/** A backup that lists its files as it should and holds what it should not: these members, in this order. */
export function craftBackup(
  members: readonly CraftedMember[],
  change: object = {},
  sumsOctets?: number,
): Buffer {
  const createdAt = new Date('2025-11-22T09:30:00Z');
  const manifest = `${JSON.stringify({
    backup: 1,
    createdAt: createdAt.toISOString(),
    authority: { name: 'Acme API CA', fingerprint: '0'.repeat(64) },
    head: { seq: 1, hash: '0'.repeat(64), time: createdAt.toISOString() },
    ...change,
  })}\n`;
  const files = members.flatMap((member) => ('type' in member ? [] : [{ content: '', ...member }]));
  const sums = [{ path: 'manifest.json', content: manifest }, ...files]
    .map(({ path, content }) => `${createHash('sha256').update(content).digest('hex')}  ${path}\n`)
    .join('');
  const folders = ['keys/', 'ledger/', 'crl/', 'clients/'].map((path) => ({
    type: 'directory' as const,
    path,
    mode: path === 'crl/' ? 0o755 : 0o700,
  }));
  const all: CraftedMember[] = [
    { path: 'manifest.json', content: manifest },
    ...(sumsOctets === undefined
      ? [{ path: 'SHA256SUMS', content: sums }, ...folders, ...members]
      : [{ path: 'SHA256SUMS', octets: sumsOctets }]),
  ];
  const octets = all.flatMap((member) => {
    if ('type' in member) return [encodeTarHeader(member, createdAt)];
    const mode = /^(manifest|SHA|keys)/.test(member.path) ? 0o600 : 0o644;
    if ('octets' in member) return [encodeTarHeader({ type: 'file', mode, ...member }, createdAt)];
    const content = Buffer.from(member.content);
    const head = {
      type: 'file' as const,
      path: member.path,
      mode: member.mode ?? mode,
      octets: content.length,
    };
    return [encodeTarHeader(head, createdAt), content, new Uint8Array(paddingOf(content.length))];
  });
  const isWhole = all.every((member) => !('octets' in member));
  return Buffer.concat([...octets, ...(isWhole ? [tarEnd] : [])]);
}
