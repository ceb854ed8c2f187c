import { expect, it } from 'vitest';
import { chooseStyle } from '../../../src/cli/style.ts';

it.each([
  ['a terminal', true, true, {}, true],
  ['a pipe', true, false, {}, false],
  ['a terminal with --no-color', false, true, {}, false],
  ['a terminal with NO_COLOR', true, true, { NO_COLOR: '1' }, false],
  ['a terminal with an empty NO_COLOR', true, true, { NO_COLOR: '' }, true],
  ['a terminal that is dumb', true, true, { TERM: 'dumb' }, false],
  ['a pipe with FORCE_COLOR', true, false, { FORCE_COLOR: '1' }, true],
  ['a terminal with FORCE_COLOR=0', true, true, { FORCE_COLOR: '0' }, false],
  ['FORCE_COLOR against NO_COLOR', true, false, { FORCE_COLOR: '1', NO_COLOR: '1' }, true],
  ['FORCE_COLOR against --no-color', false, true, { FORCE_COLOR: '1' }, false],
] as const)('%s', async (_name, wanted, isTerminal, environment, colourful) => {
  const style = await chooseStyle(wanted, { isTerminal }, environment);
  expect(style.red('x')).toBe(colourful ? '\u001b[31mx\u001b[39m' : 'x');
});
