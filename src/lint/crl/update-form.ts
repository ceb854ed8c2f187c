import type { CrlRule } from '../rule.ts';
import { findWrongForm } from '../time-form.ts';

/** Dates are UTCTime through 2049 and GeneralizedTime from 2050 on. */
export const updateForm: CrlRule = {
  name: 'update-form',
  cites: 'RFC 5280 §5.1.2.4, §5.1.2.5',
  check({ thisUpdate, nextUpdate, timeForms }) {
    return (
      findWrongForm('thisUpdate', thisUpdate, timeForms.thisUpdate) ??
      (nextUpdate && timeForms.nextUpdate && findWrongForm('nextUpdate', nextUpdate, timeForms.nextUpdate))
    );
  },
};
