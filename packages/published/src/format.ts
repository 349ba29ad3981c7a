import type { CalibrationRow } from './row.js';
import type { Tolerance } from './schema.js';

/** @returns a number to four significant digits or whole, without zeros at the end. */
function digits(value: number): string {
  return String(Math.abs(value) >= 1000 ? Math.round(value) : Number(value.toPrecision(4)));
}

/** @returns a value with its unit as a table shows it. */
export function withUnit(text: string, unit: string): string {
  // Shares have their whole behind the sign; a table has no room for it.
  const short = unit.startsWith('%') ? '%' : unit === 'us' ? 'µs' : unit;
  return ['', 'ratio', 'as named'].includes(short) ? text : `${text} ${short}`;
}

/** @returns the published value as printed where it comes from. */
export function publishedText({ published, unit }: CalibrationRow): string {
  return withUnit(String(published), unit);
}

/** @returns an emulated value, of all ranks or of rank 0; `same` for the published words; empty where there is none. */
export function emulatedText(value: number | string | undefined, { unit, published }: CalibrationRow): string {
  if (value === undefined) return '';
  if (typeof value === 'string' && value === published) return 'same';
  return withUnit(typeof value === 'number' ? digits(value) : value, unit);
}

/** @returns the error with its sign: in points where the tolerance is, else in %; empty of words. */
export function errorText({ errorPct, errorPoints }: CalibrationRow): string {
  const signed = (value: number, places: number): string => {
    const text = value.toFixed(places);
    return value >= 0 ? `+${text}` : `−${text.slice(1)}`;
  };
  if (errorPoints !== undefined) return `${signed(errorPoints, 2)} points`;
  return errorPct === null ? '' : `${signed(errorPct, 1)} %`;
}

/** @returns the tolerance in words; empty where there is none. */
export function toleranceText(tolerance: Tolerance | undefined): string {
  if (tolerance === undefined) return '';
  if (tolerance.kind === 'exact') return 'exact';
  if (tolerance.kind === 'points') return `${tolerance.value} ${tolerance.value === 1 ? 'point' : 'points'}`;
  return tolerance.orUs === undefined ? `${tolerance.value} %` : `${tolerance.value} % or ${tolerance.orUs} µs`;
}

/** @returns `ok`, `MISS`, or nothing where the row has no tolerance. */
export function verdictText({ withinTolerance }: CalibrationRow): string {
  return withinTolerance === undefined ? '' : withinTolerance ? 'ok' : 'MISS';
}
