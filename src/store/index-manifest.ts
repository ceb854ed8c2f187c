import { hash } from 'node:crypto';
import type { Place, RowCounts } from './index-tables.ts';
import type { JournalPoint } from './journal.ts';

/** What an index consists of: the point of the journal up to which it speaks, and its runs from the oldest to the newest. */
export interface Manifest {
  readonly point: JournalPoint;
  readonly summary: IndexSummary;
  readonly runs: readonly RunInfo[];
}

/** What a run covers and how it is called; `entries` tells when it is time to merge it with others. */
export interface RunInfo {
  /** 16 hex digits. */
  readonly id: string;
  readonly entries: number;
  readonly rows: RowCounts;
}

/** What an index holds beside its runs. */
export interface IndexSummary {
  readonly clientCount: number;
  readonly longestValidityMs: number;
  /** Those of `key-compromised` entries, which are few. */
  readonly barredKeys: readonly string[];
  /** Place of the first line, and of the latest `crl-published` of each issuer. */
  readonly authority: Place;
  readonly rootCrl?: Place;
  readonly issuingCrl?: Place;
}

/** Changes with any table, row or meaning: an index of another version is built anew. */
const indexVersion = 7;

/** The manifest as two lines: JSON, and its SHA-256. */
export function encodeManifest(manifest: Manifest): string {
  const json = JSON.stringify({ version: indexVersion, ...manifest });
  return `${json}\n${hash('sha256', json, 'hex')}\n`;
}

/** The manifest of that text; undefined if it is damaged or of another version. */
export function parseManifest(text: string): Manifest | undefined {
  const [json = '', sum, end, ...rest] = text.split('\n');
  if (hash('sha256', json, 'hex') !== sum || end !== '' || rest.length > 0) return undefined;
  // The checksum says that this program, in some version, has written it.
  const { version, ...manifest } = JSON.parse(json) as Manifest & { readonly version: number };
  if (version !== indexVersion) return undefined;
  return { ...manifest, point: { ...manifest.point, time: new Date(manifest.point.time) } };
}
