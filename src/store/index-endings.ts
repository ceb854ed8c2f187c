import type { StatusCounts } from '../ledger/ledger-view.ts';
import type { Run } from './index-run.ts';
import { endKey, liveKeyOctets } from './index-tables.ts';
import { mergeRows, withoutRows } from './sorted-rows.ts';

/** The tables whose rows begin with notAfter and are sorted by it. */
type EndTable = 'byNotAfter' | 'revokedEnds' | 'live' | 'ended';

/** So many rows are read sooner than counted in parts. */
const fewRows = 1024;

/** The rows of these tables with `start` <= notAfter < `end`, in order. */
export function rowsEnding(
  runs: readonly Run[],
  name: EndTable,
  start: Date,
  end: Date,
): Generator<Buffer, void> {
  const endOfRows = endKey(end);
  return mergeRows(
    runs.map(({ [name]: table }) => {
      const first = table.lowerBound(endKey(start));
      return rowsBetween(table.rows(first, Math.max(first, table.lowerBound(endOfRows))), table.width);
    }),
    liveKeyOctets,
  );
}

/**
 * The rows of `live` that no row of `ended` takes away, in order. Each of those has its own among the live ones: where there are
 * as many of both, nothing is left, and none of them is read.
 */
export function* liveRows(runs: readonly Run[], start: Date, end: Date): Generator<Buffer, void> {
  const live = countEnding(runs, 'live', start, end);
  const ended = countEnding(runs, 'ended', start, end);
  if (live <= ended) return;
  const span = end.getTime() - start.getTime();
  if (ended === 0 || live + ended <= fewRows || span <= 1000) {
    const all = rowsEnding(runs, 'live', start, end);
    yield* withoutRows(all, rowsEnding(runs, 'ended', start, end), liveKeyOctets);
    return;
  }
  const middle = new Date(start.getTime() + Math.floor(span / 2));
  yield* liveRows(runs, start, middle);
  yield* liveRows(runs, middle, end);
}

/** How many live certificates have a notAfter in `start` <= notAfter < `end`. */
export function countLive(runs: readonly Run[], start: Date, end: Date): number {
  return Math.max(0, countEnding(runs, 'live', start, end) - countEnding(runs, 'ended', start, end));
}

/** How many certificates have each status at `now`. */
export function countByStatus(runs: readonly Run[], now: Date): StatusCounts {
  const all = (name: EndTable) => runs.reduce((sum, run) => sum + run[name].count, 0);
  const endingFrom = (name: EndTable) => countEndingFrom(runs, name, now);
  const [issued, revoked] = [all('byNotAfter'), all('revokedEnds')];
  const [current, currentRevoked] = [endingFrom('byNotAfter'), endingFrom('revokedEnds')];
  const active = endingFrom('live') - endingFrom('ended');
  return {
    active,
    superseded: current - currentRevoked - active,
    revoked,
    expired: issued - current - (revoked - currentRevoked),
  };
}

/** How many rows of these tables have a notAfter in `start` <= notAfter < `end`. */
function countEnding(runs: readonly Run[], name: EndTable, start: Date, end: Date): number {
  return countEndingFrom(runs, name, start) - countEndingFrom(runs, name, end);
}

/** How many rows of these tables have a notAfter that is not before `instant`. */
function countEndingFrom(runs: readonly Run[], name: EndTable, instant: Date): number {
  const key = endKey(instant);
  return runs.reduce((sum, run) => sum + run[name].count - run[name].lowerBound(key), 0);
}

function* rowsBetween(stretches: Iterable<Buffer>, width: number): Generator<Buffer, void> {
  for (const rows of stretches) {
    for (let at = 0; at < rows.length; at += width) yield rows.subarray(at, at + width);
  }
}
