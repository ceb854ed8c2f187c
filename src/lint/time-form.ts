import { isUtcTime } from '../core/asn1-time.ts';
import { formatInstant } from '../core/instant.ts';
import type { Asn1Time } from '../x509/der-reader.ts';

/** What is wrong with how an instant is written, if anything is: UTCTime through 2049, GeneralizedTime after. */
export function findWrongForm(field: string, instant: Date, form: Asn1Time['form']): string | undefined {
  const wanted = isUtcTime(instant.getTime() / 1000) ? 'UTCTime' : 'GeneralizedTime';
  return form === wanted
    ? undefined
    : `${field} ${formatInstant(instant)} is written as ${form}, not ${wanted}`;
}
