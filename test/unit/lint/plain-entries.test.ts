import { describe, expect, test } from 'vitest';
import { PlainEntries } from '../../../src/lint/plain-entries.ts';
import { crlEntryRules } from '../../../src/lint/rules.ts';
import { CrlEntryCursor } from '../../../src/x509/crl-entry.ts';
import { issuer } from '../../support/x509-fixtures.ts';

const time = '170d3236313132323039313932345a';
const reason = '300c300a0603551d1504030a01';

/** An entry with that serial INTEGER, revocation date and extensions, in hex. */
function entry(serial: string, ...rest: readonly string[]): Buffer {
  const content = Buffer.from(serial + rest.join(''), 'hex');
  return Buffer.concat([Buffer.of(0x30, content.length), content]);
}

const ours = `0210${'43785cdf6cb9c2265c7f99a06eba860e'}`;
const plain = {
  'one of ours': entry(ours, time, reason, '01'),
  'one without a reason': entry(ours, time),
  'a serial with an octet for its sign': entry(`021100${'83785cdf6cb9c2265c7f99a06eba860e'}`, time),
  'a serial of one octet': entry('020105', time, reason, '09'),
  'a serial of two, one for its sign': entry('02020080', time),
  'a serial of 20': entry(`0214${'5a'.repeat(20)}`, time, reason, '0a'),
};
const others = {
  'a serial of 21': entry(`021500${'9a'.repeat(20)}`, time),
  'an invalidity date': entry(ours, time, `301a30180603551d180411180f${'3230323631313232303931393234'}5a`),
  'GeneralizedTime from 2050 on': entry(ours, '180f32303530303130313030303030305a'),
};

/** True if the cursor reads it as one entry, in which no rule finds anything. */
function isSound(bytes: Uint8Array): boolean {
  try {
    const cursor = new CrlEntryCursor(bytes);
    if (!cursor.next() || cursor.end !== bytes.length) return false;
    return crlEntryRules.every((rule) => rule.check(cursor, issuer) === undefined);
  } catch {
    return false;
  }
}

describe('a plain entry', () => {
  test.each(Object.entries(plain))('is %s', (_, bytes) => {
    expect(isSound(bytes)).toBe(true);
    expect(new PlainEntries(bytes).pass(0)).toBe(bytes.length);
  });

  test.each(Object.entries(others))('is not %s', (_, bytes) => {
    expect(new PlainEntries(bytes).pass(0)).toBe(0);
  });

  test.each(Object.entries(plain))(
    'is one in which no rule finds anything: %s, any octet of it changed',
    (_, bytes) => {
      let passed = 0;
      for (let at = 0; at < bytes.length; at++) {
        for (let octet = 0; octet < 256; octet++) {
          const changed = Buffer.from(bytes);
          changed[at] = octet;
          const end = new PlainEntries(changed).pass(0);
          if (end === 0) continue;
          passed++;
          if (!isSound(changed.subarray(0, end)))
            expect.fail(`passes over ${changed.toString('hex', 0, end)}`);
        }
      }
      expect(passed).toBeGreaterThan(bytes.length);
    },
  );

  test('has a revocation date that exists', () => {
    const dates = Array.from({ length: 100 * 100 }, (_, number) => String(number).padStart(4, '0'));
    for (const date of dates) {
      const bytes = entry(ours, `170d${Buffer.from(`27${date}235959Z`).toString('hex')}`);
      expect([date, new PlainEntries(bytes).pass(0) > 0]).toEqual([date, isSound(bytes)]);
    }
    const hours = Array.from({ length: 100 }, (_, number) => String(number).padStart(2, '0'));
    for (const clock of hours.flatMap((two) => [`${two}0000`, `00${two}00`, `0000${two}`])) {
      const bytes = entry(ours, `170d${Buffer.from(`270101${clock}Z`).toString('hex')}`);
      expect([clock, new PlainEntries(bytes).pass(0) > 0]).toEqual([clock, isSound(bytes)]);
    }
  });
});

describe('among many entries', () => {
  const all = Object.values(plain);
  const many = Buffer.concat(
    Array.from({ length: 6000 }, (_, index) => all[index % all.length] ?? Buffer.alloc(0)),
  );

  test('all plain ones are passed over, whatever their lengths', () => {
    expect(new PlainEntries(many).pass(0)).toBe(many.length);
  });

  test.each(Object.entries(others))('the way goes up to %s, and on behind it', (_, other) => {
    const bytes = Buffer.concat([many, other, many]);
    const entries = new PlainEntries(bytes);
    expect(entries.pass(0)).toBe(many.length);
    expect(entries.pass(many.length)).toBe(many.length);
    expect(entries.pass(many.length + other.length)).toBe(bytes.length);
  });

  test('one that is cut off is not passed over', () => {
    const cut = many.subarray(0, many.length - 1);
    expect(new PlainEntries(cut).pass(0)).toBe(many.length - (all.at(-1)?.length ?? 0));
  });
});
