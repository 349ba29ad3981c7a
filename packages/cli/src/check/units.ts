/** What a figure measures; only numbers of the same kind can be held against each other. */
type Dimension = 'time' | 'share' | 'bytes' | 'rate';

/** A unit: what it measures, and how many of the kind's smallest it is. */
export interface Unit {
  readonly text: string;
  readonly dimension: Dimension;
  readonly size: number;
}

const unit = (text: string, dimension: Dimension, size: number): Unit => ({ text, dimension, size });
const MICROSECOND = unit('µs', 'time', 1e3);

/** As they are written in a requirement, without regard to case but for `ms` and `MS`. */
const UNITS: Readonly<Record<string, Unit>> = {
  ns: unit('ns', 'time', 1),
  us: MICROSECOND,
  µs: MICROSECOND,
  μs: MICROSECOND,
  ms: unit('ms', 'time', 1e6),
  s: unit('s', 'time', 1e9),
  '%': unit('%', 'share', 1),
  B: unit('B', 'bytes', 1),
  kB: unit('kB', 'bytes', 1e3),
  MB: unit('MB', 'bytes', 1e6),
  GB: unit('GB', 'bytes', 1e9),
  TB: unit('TB', 'bytes', 1e12),
  'tokens/s': unit('tokens/s', 'rate', 1),
};

/** Names of all units, for messages. */
export const UNIT_NAMES = ['ns', 'us', 'ms', 's', '%', 'B', 'kB', 'MB', 'GB', 'TB', 'tokens/s'];

/** @returns the unit of a text; undefined where there is no such. */
export function unitNamed(text: string): Unit | undefined {
  return Object.hasOwn(UNITS, text) ? UNITS[text] : undefined;
}

/** What the end of a key says of the unit of its figure. */
const ENDINGS: readonly (readonly [RegExp, Unit])[] = [
  [/Ns$/, UNITS['ns']],
  [/Us$/, UNITS['us']],
  [/Ms$/, UNITS['ms']],
  [/tokensPerSecond/, UNITS['tokens/s']],
  [/Seconds$/, UNITS['s']],
  [/Pct(?:OfComm)?$/, UNITS['%']],
  [/Bytes$|^bytes$/, UNITS['B']],
  [/^gigabytes$/, UNITS['GB']],
];

/** @returns the unit of a figure by the keys that lead to it, the last that tells; undefined of one without a unit. */
export function unitOfPath(keys: readonly string[]): Unit | undefined {
  for (const key of [...keys].reverse()) {
    const found = ENDINGS.find(([ending]) => ending.test(key));
    if (found !== undefined) return found[1];
  }
  return undefined;
}

/** @returns a number to as many digits as a reader needs, with its unit. */
export function figureText(value: number, of: Unit | undefined): string {
  const digits = Number(value.toPrecision(6));
  return of === undefined ? String(digits) : `${digits} ${of.text}`;
}
