import { formatInstant } from '../../core/instant.ts';
import type { CrlRule } from '../rule.ts';

/** The CRL says when the next one comes, and that is later. */
export const updateOrder: CrlRule = {
  name: 'update-order',
  cites: 'RFC 5280 §5.1.2.5',
  check({ thisUpdate, nextUpdate }) {
    if (!nextUpdate) return 'nextUpdate is missing';
    if (thisUpdate < nextUpdate) return undefined;
    return `nextUpdate ${formatInstant(nextUpdate)} is not after thisUpdate ${formatInstant(thisUpdate)}`;
  },
};
