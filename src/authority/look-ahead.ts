/**
 * The outcomes of `work` for the items, one at each call of `next` and in their order, while that for at most so many items
 * more goes on; for half of them it is begun together. A failure is thrown by the call that it is the turn of.
 */
export function lookAhead<T, R>(
  items: Iterable<T>,
  ahead: number,
  work: (item: T) => Promise<R>,
): { next(): Promise<R> } {
  const pending = items[Symbol.iterator]();
  const begun: Promise<R>[] = [];
  const begin = () => {
    for (let item = pending.next(); !item.done; item = pending.next()) {
      const outcome = work(item.value);
      // It is heard of when its turn comes.
      outcome.catch(() => {});
      begun.push(outcome);
      if (begun.length > ahead) break;
    }
  };
  return {
    next() {
      if (begun.length <= ahead / 2) begin();
      return begun.shift() ?? Promise.reject(new Error('there are no more items'));
    },
  };
}
