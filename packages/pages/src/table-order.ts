/** What units multiply a number by, so that cells of one column compare. */
const UNITS: Readonly<Record<string, number>> = {
  ...{ ns: 1e-3, µs: 1, ms: 1e3, s: 1e6 },
  ...{ B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 },
};
const NUMBER = /^([+−-]?)(\d[\d,]*(?:\.\d+)?)(?: ?([a-zµ]+))?/i;

/** @returns a cell's number, with its unit counted; undefined of a text. */
export function cellNumber(text: string): number | undefined {
  const found = NUMBER.exec(text.trim());
  if (found === null) return undefined;
  const [, sign, digits, unit = ''] = found;
  const size = Number(digits.replaceAll(',', '')) * (Object.hasOwn(UNITS, unit) ? UNITS[unit] : 1);
  return sign === '' || sign === '+' ? size : -size;
}

/** Orders two cells: numbers by size, texts by their words, what is no number behind what is one. */
export function cellOrder(a: string, b: string): number {
  const [left, right] = [cellNumber(a), cellNumber(b)];
  if (left !== undefined && right !== undefined) return left - right;
  if (left !== undefined || right !== undefined) return left === undefined ? 1 : -1;
  return a.localeCompare(b, 'en', { numeric: true });
}
