import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Ledger } from '../../src/authority/ports.ts';
import { parseClientName } from '../../src/core/client-name.ts';
import { parseSerial } from '../../src/core/serial.ts';
import type { EntryBody } from '../../src/ledger/entry.ts';
import { append } from './ledger-directory.ts';
import { added, created, delivered, issued } from './ledger-entries.ts';
import { askEverything, foldEntries, histories } from './ledger-histories.ts';

/** Where the ledgers of one kind are kept. */
export interface LedgerPlace {
  /** Begins a ledger of these entries, in the place of any that is there; gives what opens it, as another process has it. */
  begin(bodies: readonly EntryBody[]): Promise<() => Ledger>;
}

/** What every ledger keeps to, whatever its record lies in: in files, in memory, in a database. */
export function describeLedger(kind: string, { begin }: LedgerPlace): void {
  const beginWith = (...bodies: readonly EntryBody[]) => begin([created(), ...bodies]);
  const clientCount = async (ledger: Ledger) => (await ledger.view()).clientCount();

  describe(`a ledger ${kind}`, () => {
    it('shows what was appended to all who open it, and no view changes under its reader', async () => {
      const open = await beginWith();
      const reader = open();
      const before = await reader.view();
      const head = await append(open(), added('billing'), issued('billing', '0a1b'));
      expect([before.head.seq, await before.clientCount()]).toEqual([1, 0]);
      for (const ledger of [reader, open()]) {
        const view = await ledger.view();
        expect(view.head).toEqual(head);
        expect(await view.certificate(parseSerial('0a1b'))).toMatchObject({ client: 'billing', seq: 3 });
        expect(Buffer.from(await view.certificateBytes(parseSerial('0a1b')))).toEqual(
          Buffer.from('certificate 0a1b'),
        );
      }
    });

    it('shows a transaction its own entries, while views made before stay as they were', async () => {
      const open = await beginWith();
      await open().transact(async (transaction) => {
        const before = transaction.view();
        await transaction.append([added('billing')]);
        expect(await before.clientCount()).toBe(0);
        expect(await transaction.view().clientCount()).toBe(1);
      });
    });

    it('gives what a transaction gives, and keeps what it appended when it throws later', async () => {
      const open = await beginWith();
      expect(await open().transact(async () => 'done')).toBe('done');
      const work = open().transact(async (transaction) => {
        await transaction.append([added('billing')]);
        throw new Error('later');
      });
      await expect(work).rejects.toThrow('later');
      expect(await clientCount(open())).toBe(1);
    });

    it('shows what is held to its transaction alone, until it becomes the record with the next entries', async () => {
      const open = await beginWith();
      await open().transact(async (transaction) => {
        const held = await transaction.hold([added('billing')]);
        const again = await transaction.hold([issued('billing', '0a1b')]);
        expect([held.seq, again.seq, transaction.view().head]).toEqual([2, 3, again]);
        expect(await transaction.view().client(parseClientName('billing'))).toBeDefined();
        expect(transaction.recorded().head.seq).toBe(1);
        expect(await clientCount(open())).toBe(0);
        const head = await transaction.append([added('orders')]);
        expect([head.seq, transaction.recorded().head]).toEqual([4, head]);
        expect((await transaction.hold([])).hash).toBe(head.hash);
      });
      expect((await open().view()).head.seq).toBe(4);
    });

    it('records what is held with no further entries, too, as the head said that it would', async () => {
      const open = await beginWith();
      await open().transact(async (transaction) => {
        const held = await transaction.hold([added('billing')]);
        expect(await transaction.append([])).toEqual(held);
      });
      expect(await clientCount(open())).toBe(1);
    });

    it('forgets what is held at the end of the transaction', async () => {
      const open = await beginWith();
      await open().transact(async (transaction) => void (await transaction.hold([added('billing')])));
      await append(open(), added('orders'));
      expect((await open().view()).head.seq).toBe(2);
    });

    it('refuses to hold or append when the transaction is over', async () => {
      const open = await beginWith();
      const over = await open().transact(async (transaction) => transaction);
      await expect(over.hold([added('billing')])).rejects.toThrow('the transaction is over');
      await expect(over.append([])).rejects.toThrow('the transaction is over');
    });

    it('runs one transaction after another, whoever asks', async () => {
      const open = await beginWith();
      const one = open();
      const ledgers = [one, one, open(), open(), one, open()];
      let inside = 0;
      await Promise.all(
        ledgers.map((ledger, index) =>
          ledger.transact(async (transaction) => {
            expect(++inside).toBe(1);
            await new Promise((resolve) => setTimeout(resolve, 2));
            await transaction.append([added(`client-${index}`)]);
            inside--;
          }),
        ),
      );
      expect(await clientCount(open())).toBe(6);
    });

    it('takes no part of an append with a serial that was issued before, or that it does not know', async () => {
      const open = await beginWith(added('billing'), issued('billing', '0a1b'));
      const refused: readonly (readonly [string, readonly EntryBody[]])[] = [
        ['ledger/duplicate-serial', [added('other'), issued('other', '0a1b')]],
        ['ledger/duplicate-serial', [issued('billing', '0c'), issued('billing', '0c')]],
        ['ledger/unknown-serial', [added('other'), delivered('other', '0a')]],
      ];
      for (const [code, bodies] of refused)
        await expect(append(open(), ...bodies)).rejects.toMatchObject({ code });
      expect((await open().view()).head.seq).toBe(3);
    });

    it('gives what a run of many transactions gives, and what they appended when it throws', async () => {
      const open = await beginWith();
      const ledger = open();
      expect(await ledger.inBulk(async () => 'done')).toBe('done');
      const bulk = ledger.inBulk(async () => {
        for (const name of ['a', 'b', 'c']) await append(ledger, added(name));
        throw new Error('no');
      });
      await expect(bulk).rejects.toThrow('no');
      expect(await clientCount(open())).toBe(3);
    });

    it('has left nothing unfinished when nobody died', async () => {
      const open = await beginWith(added('billing'));
      expect(await open().unfinishedOctets()).toBe(0);
    });

    it('gives its entries as one chain, finds the hash of each, and answers as their fold does', async () => {
      await fc.assert(
        fc.asyncProperty(histories, fc.integer({ min: 1, max: 7 }), async (bodies, group) => {
          const open = await begin(bodies.slice(0, 1));
          for (let from = 1; from < bodies.length; from += group)
            await append(open(), ...bodies.slice(from, from + group));
          const ledger = open();
          const fold = await foldEntries(ledger, async (seq, hash) =>
            expect(await ledger.hashOf(seq)).toBe(hash),
          );
          expect(fold.head.seq).toBe(bodies.length);
          expect(await askEverything(await ledger.view())).toEqual(await askEverything(fold));
          for (const seq of [0, bodies.length + 1]) expect(await ledger.hashOf(seq)).toBe(undefined);
        }),
        { numRuns: 20 },
      );
    }, 60_000);
  });
}
