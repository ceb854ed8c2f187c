import { expect, it } from 'vitest';
import { parseClientName } from '../../../src/core/client-name.ts';
import { RecordMemory } from '../../../src/store/record-memory.ts';
import { policy } from '../../support/ledger-entries.ts';

const place = (offset: number, segment = 1) => ({ segment, offset, length: 100 });
const added = (name: string) => () => ({ client: parseClientName(name), policy });

it('makes of a line once what is asked for often', () => {
  const { clients } = new RecordMemory();
  expect(clients.recall(place(0), added('a')).client).toBe('a');
  expect(clients.recall(place(0), added('other')).client).toBe('a');
  expect(clients.recall(place(0, 2), added('b')).client).toBe('b');
  expect(clients.recall(place(12), added('c')).client).toBe('c');
});

it('keeps nothing of a line that could not be read', () => {
  const { clients } = new RecordMemory();
  const fail = () => {
    throw new Error('no');
  };
  expect(() => clients.recall(place(0), fail)).toThrow('no');
  expect(clients.recall(place(0), added('a')).client).toBe('a');
});

it('forgets the oldest of more than it has room for', () => {
  const { clients } = new RecordMemory();
  for (let offset = 0; offset <= 16_384; offset++) clients.recall(place(offset), added(`c${offset}`));
  expect(clients.recall(place(1), added('anew')).client).toBe('c1');
  expect(clients.recall(place(0), added('anew')).client).toBe('anew');
});
