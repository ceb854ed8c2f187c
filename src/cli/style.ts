import type { Output } from './context.ts';

/** Decoration; what it decorates says the same without it. */
export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
}

const same = (text: string) => text;

/** No decoration. */
export const plain: Style = { bold: same, dim: same, red: same, green: same, yellow: same };

/**
 * Colour for a terminal that has it. `--no-color` switches it off, then `FORCE_COLOR` on or off, then `NO_COLOR`
 * off (no-color.org); chalk is loaded only when it is on.
 */
export async function chooseStyle(
  wanted: boolean,
  output: Pick<Output, 'isTerminal'>,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Style> {
  if (!wanted || !isOn(output, environment)) return plain;
  const { Chalk } = await import('chalk');
  return new Chalk({ level: 1 });
}

function isOn(
  output: Pick<Output, 'isTerminal'>,
  { FORCE_COLOR: force, NO_COLOR: no, TERM: terminal }: Readonly<Record<string, string | undefined>>,
): boolean {
  if (force !== undefined && force !== '') return force !== '0' && force !== 'false';
  return !no && output.isTerminal && terminal !== 'dumb';
}
