import { createHash, type Hash } from 'node:crypto';
import { dirname } from 'node:path';
import type { CrlPaths, NamedFile, Pieces, PublishedCrl, StagedCrl } from '../authority/ports.ts';
import { allCrlsFile, allCrlsName, crlNames, headName } from './crl-files.ts';
import { makeDirectories, syncDirectories } from './directories.ts';
import { inheritedOwner, publicDirectoryMode, publicMode } from './file-mode.ts';
import { readPieces, sumOf } from './file-pieces.ts';
import { removeTemporaries, StagedFiles } from './file-set.ts';

export interface CrlPlace {
  /** `<home>/crl`. */
  readonly directory: string;
  readonly twoTier: boolean;
  readonly paths: CrlPaths;
  /** With two tiers: the PEM of the other CA's CRL, if it is there, for the file of all CRLs. */
  readonly otherPem: Pieces;
}

/** Stages a CRL in that directory, which is made if it is not there. Throws `store/…`, and then nothing is staged. */
export function stageCrl({ issuer, der, pem }: PublishedCrl, place: CrlPlace): StagedCrl {
  const { directory, twoTier, otherPem } = place;
  const names = crlNames(issuer, twoTier);
  // What is in it can be made again, so its loss is no reason to publish nothing.
  const made = makeDirectories(directory, publicDirectoryMode, inheritedOwner);
  const known = [names.pem, names.der, allCrlsName, headName];
  removeTemporaries(directory, (name) => known.includes(name) || isLostHead(name));
  const files = new StagedFiles(directory);
  const pemSum = createHash('sha256');
  try {
    const temporary = files.add({ name: names.pem, content: summed(pem, pemSum), mode: publicMode });
    if (twoTier) {
      const pems = [readPieces(temporary), otherPem] as const;
      files.add(issuer === 'issuing' ? allCrlsFile(pems[0], pems[1]) : allCrlsFile(pems[1], pems[0]));
    }
    files.add({ name: names.der, content: der, mode: publicMode });
  } catch (error) {
    files.discard();
    throw error;
  }
  // The DER, which tells that a CRL is published, goes into place last.
  const before = [...(twoTier ? [allCrlsName] : []), names.pem];
  const add = (name: string, content: NamedFile['content']) => {
    files.add({ name, content, mode: publicMode });
    before.push(name);
  };
  return {
    // What is large is synced meanwhile.
    sums: { sha256: sumOf(der), pemSha256: pemSum.digest('hex') },
    addHead: (head) => add(headName, head),
    add: ({ name, content }) => add(name, content),
    sync: () => files.sync(),
    async publish() {
      files.place([...before, names.der]);
      await syncDirectories([directory, ...made.map(dirname)]);
      return place.paths;
    },
    discard: () => files.discard(),
  };
}

/** A head that is set aside is staged beside the CRL. */
function isLostHead(name: string): boolean {
  return name.startsWith('lost-') && name.endsWith('.head');
}

/** The pieces, which pass through the sum on their way. */
function* summed(pieces: Pieces, sum: Hash): Generator<Uint8Array> {
  for (const piece of pieces) {
    sum.update(piece);
    yield piece;
  }
}
