import { parseScalar } from '@epemu/config';
import { BadInputError, counted } from '@epemu/core';

/** A key of the configuration and the values that it takes in turn. */
export interface Axis {
  /** As `--set` takes it: `schedule.communicationSms`. */
  readonly key: string;
  /** What is written above its column: `communicationSms`. */
  readonly label: string;
  /** As `--set` takes them, in order. */
  readonly values: readonly string[];
}

/** Short names of keys that are swept most. */
const KEYS: Readonly<Record<string, string>> = {
  sms: 'schedule.communicationSms',
  nic: 'hardware.ports.rdma.bandwidthGBps',
  nvlink: 'hardware.ports.nvlink.bandwidthGBps',
  batch: 'tokensPerMicrobatch',
  ep: 'ranks',
};

const MOST_VALUES = 10_000;
const NUMBER = String.raw`[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?`;
const RANGE = new RegExp(`^(${NUMBER})\\.\\.(${NUMBER})(?::(x?)(${NUMBER}))?$`);
const EXAMPLE = 'write a list such as 16,20,24, or a range such as 16..32:4 or 16..256:x2';

/** @returns texts between commas that are in no brackets or quotes. */
function parts(text: string): string[] {
  const found: string[] = [''];
  let depth = 0;
  let quoted = false;
  for (const character of text) {
    if (character === '"') quoted = !quoted;
    else if (!quoted && /[[{]/.test(character)) depth++;
    else if (!quoted && /[\]}]/.test(character)) depth--;
    if (character === ',' && depth === 0 && !quoted) found.push('');
    else found[found.length - 1] += character;
  }
  return found.map((part) => part.trim());
}

/** @returns the numbers of a range, both ends counted where a step meets them; undefined of what is none. */
function range(text: string): string[] | undefined {
  const found = RANGE.exec(text);
  if (found === null) return undefined;
  const [first, last, step] = [Number(found[1]), Number(found[2]), Number(found[4] ?? 1)];
  const isFactor = found[3] === 'x';
  const problem =
    last < first
      ? 'ends below its start'
      : isFactor && (step <= 1 || first <= 0)
        ? 'has a factor of 1 or less, or begins at 0'
        : step <= 0
          ? 'has a step of 0 or less'
          : undefined;
  if (problem !== undefined) throw new BadInputError('--over', `the range ${text} ${problem}; ${EXAMPLE}`);
  const values: string[] = [];
  for (let index = 0; ; index++) {
    const value = Number((isFactor ? first * step ** index : first + step * index).toPrecision(12));
    if (value > last) return values;
    if (values.length === MOST_VALUES)
      throw new BadInputError('--over', `the range ${text} has more than ${MOST_VALUES} values; give a larger step`);
    values.push(String(value));
  }
}

/** @returns a key as the configuration has it. @param flagKeys keys by the names of flags. */
function keyOf(name: string, flagKeys: ReadonlyMap<string, string>): string {
  return (Object.hasOwn(KEYS, name) ? KEYS[name] : undefined) ?? flagKeys.get(name) ?? name;
}

function axisOf(name: string, values: readonly string[], flagKeys: ReadonlyMap<string, string>): Axis {
  if (values.length === 0 || values.includes(''))
    throw new BadInputError('--over', `--over ${name} has no value, or an empty one; ${EXAMPLE}`);
  const key = keyOf(name, flagKeys);
  // Numbers are one however they are written.
  const same = values.map((value) => JSON.stringify(parseScalar(value)));
  return {
    key,
    label: key.split('.').at(-1)!,
    values: values.filter((_, index) => same.indexOf(same[index]) === index),
  };
}

/**
 * @param flagKeys keys of the configuration by the names of flags that set them.
 * @returns what `KEY=LIST|RANGE` asks for. @throws BadInputError
 */
export function parseAxis(text: string, flagKeys: ReadonlyMap<string, string> = new Map()): Axis {
  const at = text.indexOf('=');
  if (at <= 0) throw new BadInputError('--over', `--over ${text} has no values; write KEY=VALUES: ${EXAMPLE}`);
  const name = text.slice(0, at).trim();
  const values = text.slice(at + 1).trim();
  return axisOf(name, range(values) ?? parts(values), flagKeys);
}

/** @returns the same of a file's key: a list of any values, one, or a text as `--over` takes it. */
export function axisFrom(name: string, value: unknown, flagKeys: ReadonlyMap<string, string> = new Map()): Axis {
  if (!Array.isArray(value))
    return parseAxis(`${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`, flagKeys);
  const texts = value.map((each: unknown) => (typeof each === 'string' ? each : JSON.stringify(each)));
  return axisOf(name, texts, flagKeys);
}

/** A point: a value of each axis, in their order. */
export type PointValues = readonly string[];

/** @returns all points, the last axis fastest. @throws BadInputError where a key is given twice, or there are too many. */
export function pointsOf(axes: readonly Axis[], most = MOST_VALUES): PointValues[] {
  const twice = axes.find(({ key }, index) => axes.findIndex((other) => other.key === key) !== index);
  if (twice !== undefined)
    throw new BadInputError('--over', `--over ${twice.key} is given twice; give all its values at once`);
  const count = axes.reduce((product, { values }) => product * values.length, 1);
  if (count > most) {
    throw new BadInputError('--over', `that is ${counted(count, 'point')}, more than ${most}; give fewer values`);
  }
  return axes.reduce<string[][]>(
    (points, { values }) => points.flatMap((point) => values.map((value) => [...point, value])),
    [[]],
  );
}
