import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CaError } from '../../src/core/ca-error.ts';
import { type Csr, readCsr } from '../../src/x509/csr.ts';
import { encodeGeneralNames } from '../../src/x509/general-name.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { extension, extensionRequest, handmadeCsr } from '../support/handmade-csr.ts';

const names = encodeGeneralNames([{ type: 'dns', value: 'api.example.com' }]);
const valid = handmadeCsr({ attributes: [extensionRequest(extension('2.5.29.17', names))] });
const expected = readCsr(valid);

/** What is read of the bytes, or undefined if they are refused as they should be: by a CaError. */
function readOrRefuse(input: Uint8Array | string): Csr | undefined {
  try {
    return readCsr(input);
  } catch (error) {
    if (error instanceof CaError) return undefined;
    throw error;
  }
}

const edit = fc.record({
  at: fc.nat({ max: valid.length - 1 }),
  remove: fc.nat({ max: 4 }),
  insert: fc.uint8Array({ maxLength: 4 }),
});

test('a request that was changed anywhere is refused, or says what it said before', () => {
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
      let bytes: Uint8Array = valid;
      for (const { at, remove, insert } of edits) {
        bytes = Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + remove)]);
      }
      const csr = readOrRefuse(bytes);
      if (csr) expect(csr).toEqual(expected);
    }),
    { numRuns: 2_000 },
  );
});

test('a request with any one bit turned is refused', () => {
  for (let bit = 0; bit < valid.length * 8; bit++) {
    const bytes = Uint8Array.from(valid);
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(readOrRefuse(bytes)).toBeUndefined();
  }
});

test('PEM that was changed anywhere is refused, or says what it said before', () => {
  const pem = encodePem('CERTIFICATE REQUEST', valid);
  fc.assert(
    fc.property(fc.nat({ max: pem.length - 1 }), fc.string({ maxLength: 3 }), (at, insert) => {
      const csr = readOrRefuse(pem.slice(0, at) + insert + pem.slice(at + 1));
      if (csr) expect(csr).toEqual(expected);
    }),
    { numRuns: 500 },
  );
});

test('octets of any kind are refused, never a crash', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => readOrRefuse(bytes) === undefined));
  const framed = fc
    .uint8Array({ minLength: 2, maxLength: 120 })
    .map((bytes) => Buffer.of(0x30, bytes.length, ...bytes));
  fc.assert(fc.property(framed, (bytes) => readOrRefuse(bytes) === undefined));
});
