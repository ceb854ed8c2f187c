import type { CertificateRule } from '../rule.ts';
import { findWrongForm } from '../time-form.ts';

/** Dates are UTCTime through 2049 and GeneralizedTime from 2050 on. */
export const validityForm: CertificateRule = {
  name: 'validity-form',
  cites: 'RFC 5280 §4.1.2.5',
  check({ notBefore, notAfter, timeForms }) {
    return (
      findWrongForm('notBefore', notBefore, timeForms.notBefore) ??
      findWrongForm('notAfter', notAfter, timeForms.notAfter)
    );
  },
};
