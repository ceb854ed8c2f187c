import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { decodeCertificate } from '../../../src/x509/certificate.ts';
import { bitString, oid, sequence } from '../../../src/x509/der-writer.ts';
import { buildTbs, type tbsParts } from '../../support/x509-fixtures.ts';
import type { Scene } from './scene.ts';

/** What signs behind the program's back: the CA's name, and its stolen key or another. */
export interface OddSigner {
  readonly issuer: Uint8Array;
  readonly key: KeyObject;
}

/** The CA of a scene with a P-256 key, or somebody who says to be it. */
export function caOf({ world }: Scene, key?: KeyObject): OddSigner {
  const issuer = decodeCertificate(world.state.authority.root).subject;
  return { issuer, key: key ?? createPrivateKey(world.caKeys.get('root') ?? '') };
}

/** A certificate in DER with the parts of the fixtures, where they are not replaced. */
export function signBy(
  { issuer, key }: OddSigner,
  parts: Partial<typeof tbsParts> = {},
  extensions: Readonly<Record<string, Uint8Array>> = {},
  hash: 'sha256' | 'sha384' = 'sha256',
): Uint8Array {
  const signatureAlgorithm = sequence(oid(`1.2.840.10045.4.3.${hash === 'sha256' ? 2 : 3}`));
  const tbs = buildTbs({ signatureAlgorithm, issuer, ...parts }, extensions);
  return sequence(tbs, signatureAlgorithm, bitString(sign(hash, tbs, key)));
}
