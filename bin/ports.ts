import { join } from 'node:path';
import process from 'node:process';
import type { Backups } from '../src/authority/backup-ports.ts';
import type { Ports, Progress } from '../src/authority/ports.ts';
import type { PortOptions, World } from '../src/cli/context.ts';
import { openDeliveries } from '../src/store/deliveries.ts';
import { randomOctets } from '../src/store/entropy.ts';
import { FileLedger } from '../src/store/file-ledger.ts';
import { openHome } from '../src/store/home.ts';
import { openKeyStore } from '../src/store/key-files.ts';
import { createLedger } from '../src/store/ledger-create.ts';
import type { LockHolder } from '../src/store/lock.ts';

/** The file of the thread that makes deliveries; the build says its name. */
declare const deliveryWorker: string;
/** The file of the thread that scans a long ledger for its index; the build says its name. */
declare const indexScanWorker: string;

/** A ledger that is read in a tenth of a second is read before a thread of its own has begun. */
const threadOctets = 64 << 20;
/** A transaction is over in milliseconds; a minute of waiting means that something is stuck. */
const ledgerWaitMs = 60_000;
/** Under this lock runs one hook, 60 s by default, or a lot of batches without hooks, which takes seconds. */
const deliveryWaitMs = 180_000;

/** The ports of a home directory on this machine's disk. Opening them touches nothing. */
export function openPorts(
  options: PortOptions,
  world: Pick<World, 'clock' | 'environment' | 'keyboard'>,
): Ports {
  const { home, passphraseFile, rootPassphraseFile, askPassphrase } = options;
  const { clock, environment } = world;
  const onWait = (what: string) => (holder: LockHolder | undefined) => options.onWait(holder?.pid, what);
  return {
    home: openHome(home, (directory, entries) => createLedger(directory, entries, { clock })),
    ledger: new FileLedger({
      directory: join(home, 'ledger'),
      clock,
      lockWaitMs: ledgerWaitMs,
      onWait: onWait('the ledger'),
      onTornLine: options.onTornLine,
      progress: options.progress,
      scanThread: {
        program: () => join(import.meta.dirname, indexScanWorker),
        fromOctets: threadOctets,
      },
    }),
    keys: openKeyStore(home),
    deliveries: openDeliveries({
      homePath: home,
      clock,
      lockWaitMs: deliveryWaitMs,
      onWait: onWait("the client's delivery"),
      async openFlush(directory) {
        expectManySyncs();
        const { openFlush } = await import('../src/store/file-system-flush.ts');
        return openFlush(directory);
      },
      async openThread() {
        expectManySyncs();
        const { startDeliveryThread } = await import('../src/store/delivery-thread.ts');
        return startDeliveryThread(join(import.meta.dirname, deliveryWorker), home);
      },
    }),
    backups: backupsOf(home, options.progress),
    clock,
    random: randomOctets,
    async generateKey(algorithm) {
      const { generateKey } = await import('../src/store/key-generator.ts');
      return generateKey(algorithm);
    },
    async runHook(command, facts, timeoutMs) {
      const { createHookRunner } = await import('../src/store/hook.ts');
      return createHookRunner(environment)(command, facts, timeoutMs);
    },
    async obtainPassphrase(issuer) {
      const { createPassphraseSource } = await import('../src/store/passphrase.ts');
      return createPassphraseSource({
        ...(passphraseFile === undefined ? {} : { file: passphraseFile }),
        ...(rootPassphraseFile === undefined ? {} : { rootFile: rootPassphraseFile }),
        environment,
        prompt: askPassphrase,
      })(issuer);
    },
    async readPasswordFile(path) {
      const { readPasswordFile } = await import('../src/store/passphrase.ts');
      return readPasswordFile(path);
    },
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    progress: options.progress,
    clockConfirmed: options.clockConfirmed,
  };
}

/**
 * Files of many clients are synced at the same time. libuv reads this when its threads are first needed; for a single
 * client it makes the usual four, as a dozen more would take milliseconds. Where requests were checked or a CRL was synced
 * before, it is too late, and four do.
 */
function expectManySyncs(): void {
  process.env['UV_THREADPOOL_SIZE'] ??= '16';
}

/** Loaded when they are needed: few commands do. */
function backupsOf(home: string, progress: Progress): Backups {
  const load = async () => (await import('../src/store/backups.ts')).openBackups(home, progress);
  return {
    check: async (name) => (await load()).check(name),
    write: async (name, snapshot, choices) => (await load()).write(name, snapshot, choices),
    open: async (name, obtainPassphrase) => (await load()).open(name, obtainPassphrase),
  };
}
