import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** The directory for what test files share in one run. */
    readonly samples: string;
  }
}

/** Gives all test files of a run one directory for the sample authorities, each of which is made once. */
export default function setup({ provide }: TestProject): () => void {
  const directory = mkdtempSync(join(tmpdir(), 'private-ca-samples-'));
  provide('samples', directory);
  return () => rmSync(directory, { recursive: true, force: true });
}
