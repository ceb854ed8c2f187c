/**
 * The first key that stands twice in one object of a JSON text, or undefined. `JSON.parse` would take the last of the
 * two in silence (RFC 8259 §4). The text is known to be JSON: a string before a colon is a key.
 */
export function findDuplicateKey(json: string): string | undefined {
  const objects: Set<string>[] = [];
  for (const [token, text, colon] of json.matchAll(/("[^"\\]*(?:\\.[^"\\]*)*")(\s*:)?|[{}]/g)) {
    if (token === '{') objects.push(new Set());
    else if (token === '}') objects.pop();
    else if (text !== undefined && colon !== undefined) {
      const keys = objects.at(-1);
      const key = String(JSON.parse(text));
      if (keys?.has(key)) return key;
      keys?.add(key);
    }
  }
  return undefined;
}
