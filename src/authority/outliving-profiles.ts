import { formatDuration } from '../core/duration.ts';
import type { Settings } from './settings.ts';

/**
 * What to say of profiles whose certificates would outlive a CA that ends in so many milliseconds: none ever does, so that
 * `ca issue` refuses them. Undefined if there are none. Reading ca.json cannot tell: it knows no CA.
 */
export function describeOutliving(caMs: number, { profiles }: Settings): string | undefined {
  const refused = [...profiles.values()].filter(({ validityMs }) => validityMs >= caMs);
  const [first, ...more] = refused;
  if (!first) return undefined;
  const names = refused.map(({ name, validityMs }) => `${name} (${formatDuration(validityMs)})`).join(', ');
  const key = `profiles.${first.name}.validity${more.length === 0 ? '' : ' and the like'}`;
  return `the CA ends in ${formatDuration(caMs)}, before certificates of ${names} would: ca issue refuses them; give it --validity, or set ${key} in ca.json`;
}
