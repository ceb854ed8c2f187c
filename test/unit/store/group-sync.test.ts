import * as fs from 'node:fs';
import { expect, it } from 'vitest';
import { groupSync } from '../../../src/store/group-sync.ts';
import { temporaryDirectory } from '../../support/outside-program.ts';

/** A disk that counts, and on which the sync of one descriptor fails. */
function countingDisk(bad?: number) {
  const log = { syncs: 0, working: 0, mostWorking: 0 };
  const disk = {
    ...fs,
    fsync: ((fd: number, done: (error: Error | null) => void) => {
      log.syncs++;
      log.mostWorking = Math.max(log.mostWorking, ++log.working);
      setTimeout(() => {
        log.working--;
        done(fd === bad ? Object.assign(new Error('EIO'), { code: 'EIO', syscall: 'fsync' }) : null);
      }, 2);
    }) as typeof fs.fsync,
  };
  return { disk, log };
}

it('syncs together what is asked for at the same time, a directory once', async () => {
  const { disk, log } = countingDisk();
  const directory = temporaryDirectory();
  await Promise.all([
    groupSync(101, disk),
    groupSync(directory, disk),
    groupSync(102, disk),
    groupSync(directory, disk),
  ]);
  expect(log).toEqual({ syncs: 3, working: 0, mostWorking: 3 });
});

it('syncs again what is asked for while a group is under way', async () => {
  const { disk, log } = countingDisk();
  const directory = temporaryDirectory();
  const first = groupSync(directory, disk);
  await new Promise((resolve) => setTimeout(resolve, 1));
  await Promise.all([first, groupSync(directory, disk)]);
  expect(log).toEqual({ syncs: 2, working: 0, mostWorking: 1 });
});

it('tells of a failure to those alone whom it concerns, and goes on', async () => {
  const { disk } = countingDisk(102);
  const outcomes = await Promise.allSettled([
    groupSync(101, disk),
    groupSync(102, disk),
    groupSync('/nonexistent-directory', disk),
  ]);
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
  await groupSync(101, disk);
});
