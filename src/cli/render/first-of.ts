/** How many of a kind are told of one by one; `--json` has all. */
export const shownItems = 20;

/** The texts of the first items, and how many more there are. */
export function firstOf<T>(items: readonly T[], textOf: (item: T) => string): readonly string[] {
  const texts = items.slice(0, shownItems).map(textOf);
  const more = items.length - shownItems;
  return more > 0 ? [...texts, `… and ${more} more, which --json names`] : texts;
}
