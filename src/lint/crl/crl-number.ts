import type { CrlRule } from '../rule.ts';

/** The CRL has a number of at most 20 octets, greater than that of every CRL before. */
export const crlNumber: CrlRule = {
  name: 'crl-number',
  cites: 'RFC 5280 §5.2.3',
  check({ number }, { lastNumber }) {
    if (number === undefined) return 'CRLNumber is missing';
    // The sign bit counts: 20 octets hold 159 bits of a positive INTEGER.
    if (number >= 2n ** 159n) return `CRLNumber ${number} has more than 20 octets`;
    if (lastNumber === undefined || number > lastNumber) return undefined;
    return `CRLNumber ${number} is not greater than the last one, ${lastNumber}`;
  },
};
