import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type InputLimits, readInputFile } from '../../../src/store/input-file.ts';
import { runProgram } from '../../support/outside-program.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ca-input-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const limits: InputLimits = { what: 'certificate request', maxOctets: 8, tooLarge: 'x509/malformed-csr' };

it('reads a file of the largest size allowed', async () => {
  const path = join(directory, 'csr');
  writeFileSync(path, '12345678');
  expect(Buffer.from(await readInputFile(path, stdin(), limits)).toString()).toBe('12345678');
});

it('refuses a larger file with its name and the limit', async () => {
  const path = join(directory, 'csr');
  writeFileSync(path, '123456789');
  await expect(readInputFile(path, stdin(), limits)).rejects.toMatchObject({
    code: 'x509/malformed-csr',
    message: `the certificate request in ${path} has more than 8 octets, too many for one`,
    hint: 'check that the right file was named',
  });
});

it('keeps no more memory than the file has octets', async () => {
  const path = join(directory, 'csr');
  writeFileSync(path, '1234');
  const octets = await readInputFile(path, stdin(), { ...limits, maxOctets: 1 << 20 });
  expect(octets.buffer.byteLength).toBe(4);
});

it.runIf(process.platform === 'linux')('reads a file whose size is not told', async () => {
  const octets = await readInputFile('/proc/self/status', stdin(), { ...limits, maxOctets: 1 << 20 });
  expect(Buffer.from(octets).toString()).toMatch(/^Name:/);
});

it('does not read an endless file', async () => {
  await expect(readInputFile('/dev/zero', stdin(), limits)).rejects.toMatchObject({
    code: 'x509/malformed-csr',
  });
});

it('reads standard input for -', async () => {
  expect(Buffer.from(await readInputFile('-', stdin('1234', '5678'), limits)).toString()).toBe('12345678');
});

it('stops reading standard input at the limit', async () => {
  let taken = 0;
  async function* endless() {
    for (;;) {
      taken++;
      yield Buffer.from('1234');
    }
  }
  await expect(readInputFile('-', endless(), limits)).rejects.toMatchObject({
    message: 'the certificate request in standard input has more than 8 octets, too many for one',
  });
  expect(taken).toBe(3);
});

it('says that a file is missing', async () => {
  const path = join(directory, 'no');
  await expect(readInputFile(path, stdin(), limits)).rejects.toMatchObject({
    code: 'store/not-found',
    message: `cannot read the certificate request ${path}: no such file or directory`,
  });
});

it.skipIf(process.platform === 'win32')('reads a pipe to its end', async () => {
  const path = join(directory, 'pipe');
  runProgram('mkfifo', [path]);
  spawn('sh', ['-c', '(printf 12; sleep 0.1; printf 34) > "$1"', 'sh', path], { stdio: 'ignore' });
  expect(Buffer.from(await readInputFile(path, stdin(), limits)).toString()).toBe('1234');
});

async function* stdin(...chunks: string[]) {
  for (const chunk of chunks) yield Buffer.from(chunk);
}
