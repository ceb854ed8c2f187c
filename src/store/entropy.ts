import { randomBytes } from 'node:crypto';
import type { RandomOctets } from '../authority/ports.ts';

/** Octets of OpenSSL's generator, which the operating system seeds. */
export const randomOctets: RandomOctets = (length) => randomBytes(length);
