import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { CaError } from '../../src/core/ca-error.ts';
import { parseClientName } from '../../src/core/client-name.ts';
import { parseSerial } from '../../src/core/serial.ts';
import { startDeliveryThread } from '../../src/store/delivery-thread.ts';
import { shippedCli } from '../support/run-cli.ts';

const built = dirname(shippedCli);
const program = join(built, readdirSync(built).find((name) => /^delivery-worker-/.test(name)) ?? '');
const serial = parseSerial('1a01');
let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'ca-thread-'));
  mkdirSync(join(home, 'clients'));
});
afterEach(() => rmSync(home, { recursive: true }));

async function start() {
  const thread = await startDeliveryThread(program, home);
  if (!thread) throw new Error('the thread was not started');
  return thread;
}

function key(name: string) {
  return {
    client: parseClientName(name),
    target: { kind: 'home' },
    serial,
    keyPem: `key of ${name}`,
  } as const;
}

function delivery(name: string) {
  const { client, target, keyPem } = key(name);
  const contents = {
    certificate: 'certificate',
    chain: 'chain',
    ca: 'root',
    privateKey: keyPem,
    bundle: 'bundle',
  };
  return { client, target, serial, contents };
}

it('makes deliveries as without the thread, and tells what failed for one as it was', async () => {
  const thread = await start();
  writeFileSync(join(home, 'clients', 'bad'), 'in the way');
  const [good, bad] = await thread.stageAll([key('good'), key('bad')]);
  expect(good).toEqual({ status: 'fulfilled', value: undefined });
  expect(bad?.status === 'rejected' && bad.reason).toBeInstanceOf(CaError);
  expect(bad).toMatchObject({
    reason: {
      code: 'store/occupied',
      message: `${join(home, 'clients', 'bad')} is not a directory`,
      hint: 'name another directory with ca issue --out',
    },
  });
  const [made] = await thread.deliverAll([delivery('good')]);
  expect(made).toMatchObject({ value: { directory: join(home, 'clients', 'good') } });
  expect(readFileSync(join(home, 'clients', 'good', 'good.key'), 'utf8')).toBe('key of good');
});

it('does several things at a time, and knows what it has staged', async () => {
  const thread = await start();
  const names = ['one', 'two', 'three', 'four', 'five', 'six'];
  const [first, second] = await Promise.all([
    thread.stageAll(names.map(key)),
    thread.stageAll([key('seven')]),
  ]);
  expect([...first, ...second].every(({ status }) => status === 'fulfilled')).toBe(true);
  const { client, target } = key('seven');
  await thread.discard(client, target, serial);
  expect(existsSync(join(home, 'clients', 'seven'))).toBe(false);
  // A bug is thrown as one.
  await thread.deliverAll([delivery('one')]);
  await expect(thread.discard(key('one').client, target, serial)).rejects.toThrow('is in place');
});

it('is none where it cannot run', async () => {
  expect(await startDeliveryThread(join(home, 'none.cjs'), home)).toBeUndefined();
  writeFileSync(join(home, 'dead.cjs'), 'process.exit(3)');
  expect(await startDeliveryThread(join(home, 'dead.cjs'), home)).toBeUndefined();
});
