import { printable } from '../../core/printable.ts';

/** A cell: its text, and how to decorate it once it is padded. */
export type Cell = string | { readonly text: string; readonly decorate: (text: string) => string };

/**
 * Rows of cells as lines of aligned columns, two spaces apart; the last column is not padded. Cells are made printable.
 *
 * @param widths of the columns in the lines before these, where a table comes in parts; made to hold these rows as well
 */
export function renderTable(rows: readonly (readonly Cell[])[], widths: number[] = []): readonly string[] {
  const shown = rows.map((row) =>
    row.map((cell) => ({
      text: showText(typeof cell === 'string' ? cell : cell.text),
      decorate: typeof cell === 'string' ? undefined : cell.decorate,
    })),
  );
  for (const row of shown) {
    for (const [column, { text }] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, displayWidth(text));
    }
  }
  return shown.map((row) =>
    row
      .map(({ text, decorate }, column) => {
        const padding = column === row.length - 1 ? 0 : (widths[column] ?? 0) - displayWidth(text);
        return (decorate?.(text) ?? text) + ' '.repeat(padding);
      })
      .join('  ')
      .trimEnd(),
  );
}

/** Facts as aligned lines, `name  value`; those without a value are left out. */
export function renderFacts(
  facts: readonly (readonly [string, Cell | undefined])[],
  indent = '',
): readonly string[] {
  const known = facts.flatMap(([name, value]) => (value === undefined ? [] : [[`${indent}${name}`, value]]));
  return renderTable(known);
}

/** Most text is ASCII; to compile a pattern of Unicode properties takes a millisecond. */
const asciiText = /^[ -~]*$/;

function showText(text: string): string {
  return asciiText.test(text) ? text : printable(text);
}

/** Columns that text takes on a terminal: marks none, East Asian wide characters two (UAX #11). */
function displayWidth(text: string): number {
  if (asciiText.test(text)) return text.length;
  let width = 0;
  for (const character of text) {
    if (/\p{M}/u.test(character)) continue;
    width +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u.test(
        character,
      )
        ? 2
        : 1;
  }
  return width;
}
