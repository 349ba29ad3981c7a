/** Strings, brackets and marks, and whatever stands between them. */
const TOKEN = /"(?:[^"\\]|\\[^])*"|[{}[\],:]|[^{}[\],:"\s][^{}[\],:"]*/g;
/** A character that a string may not have as it is; a backslash that begins no escape. */
const RAW = /[\u0000-\u001f]|\\(?:u(?![\dA-Fa-f]{4})|[^"\\/bfnrtu]|u[\dA-Fa-f]{4}|["\\/bfnrt])/g;
const ESCAPE = /^\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4})$/;
const VALUE = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)$/;
const OPENS = new Set(['{', '[']);
const CLOSES = new Set(['}', ']']);

/** @returns a string literal with what it may not have escaped. */
function mendedString(literal: string): string {
  return literal.replace(RAW, (found) => {
    if (ESCAPE.test(found)) return found;
    if (found.startsWith('\\')) return `\\${found.replace(/[^]$/, (last) => escaped(last))}`;
    return escaped(found);
  });
}

function escaped(character: string): string {
  const code = character.charCodeAt(0);
  return code < 0x20 ? `\\u${code.toString(16).padStart(4, '0')}` : character;
}

/**
 * Parses what profilers have written for JSON and is none: raw control characters and wrong escapes in strings, `inf`,
 * `nan`, `N/A` and the like for numbers (null here), values that are missing, commas too many.
 *
 * @returns undefined where it cannot be read even so.
 */
export function parseLeniently(text: string): unknown {
  const mended: string[] = [];
  for (const token of text.match(TOKEN) ?? []) {
    const before = mended.at(-1);
    if (token.startsWith('"')) mended.push(mendedString(token));
    else if (CLOSES.has(token)) {
      if (before === ',') mended.pop();
      if (before === ':') mended.push('null');
      mended.push(token);
    } else if (token === ',') {
      if (before === ':') mended.push('null');
      if (before !== ',' && before !== undefined && !OPENS.has(before)) mended.push(token);
    } else if (OPENS.has(token) || token === ':') mended.push(token);
    else mended.push(VALUE.test(token.trim()) ? token : 'null');
  }
  try {
    return JSON.parse(mended.join(''));
  } catch {
    return undefined;
  }
}
