/**
 * Names come from scenarios and traces that anyone may have written: what is shown has no control characters (an escape
 * sequence would reach the terminal), no characters that reorder text, and none that XML forbids.
 *
 * @returns the name without them.
 */
export function plainText(name: string): string {
  return name.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '');
}

/** @returns the characters (code points) of a text: in a terminal each has a column. */
export function charactersOf(text: string): string[] {
  return Array.from(text);
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** @returns plain text as it may stand in an element or an attribute of HTML and SVG. */
export function escapeMarkup(text: string): string {
  return plainText(text).replace(/[&<>"']/g, (character) => ENTITIES[character]);
}
