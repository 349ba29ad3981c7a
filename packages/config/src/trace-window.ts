import { BadInputError } from '@epemu/core';
import type { Configuration } from './configuration.js';

/** First and last of a range. */
interface Bounds {
  readonly first: number;
  readonly last: number;
}

/** What of a run its merged trace holds; everything where a field is left out. */
export interface ParsedTraceWindow {
  readonly text: string;
  readonly layers?: Bounds;
  readonly steps?: Bounds;
  readonly ranks?: Bounds;
  /** Virtual time. */
  readonly fromNs?: number;
  readonly toNs?: number;
}

const TIME_NS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9 };
const RANGE = /^(\d{1,9})(?:-(\d{1,9}))?$/;
const TIME = /^(\d{1,15}(?:\.\d{1,9})?)(ns|us|µs|ms|s)$/;
const FORM = 'give layers, steps, ranks, from and to, such as layers=2-4,ranks=0-3 or from=1ms,to=3ms';

type Source = Pick<Configuration, 'layers' | 'steps' | 'ranks'>;

function refuse(text: string, problem: string): never {
  throw new BadInputError('traceWindow', `traceWindow is ${JSON.stringify(text)}, but ${problem}`);
}

/** @param count how many there are of `name`. */
function rangeOf(text: string, name: string, value: string, count: number): Bounds {
  const [, from, to = from] =
    RANGE.exec(value) ?? refuse(text, `${name} must be a number or a range; write ${name}=0-1`);
  const [first, last] = [Number(from), Number(to)];
  if (last < first) refuse(text, `its ${name} end before they begin; write ${name}=${last}-${first}`);
  if (last >= count) refuse(text, `${name} of this run are 0 to ${count - 1}; name some of these`);
  return { first, last };
}

function timeOf(text: string, name: string, value: string): number {
  const [, number, unit] =
    TIME.exec(value) ?? refuse(text, `${name} must be a time with its unit; write ${name}=1.5ms`);
  return Math.round(Number(number) * TIME_NS[unit]);
}

/** @returns the window that a text means for a run of that size. @throws BadInputError saying what of it is wrong. */
export function parseTraceWindow(text: string, { layers, steps, ranks }: Source): ParsedTraceWindow {
  const counts: Readonly<Record<string, number>> = { layers, steps, ranks };
  const window: Record<string, unknown> = { text };
  for (const part of text.split(',')) {
    const [, name = '', value = ''] =
      /^\s*(\w+)\s*=\s*(\S+)\s*$/.exec(part) ?? refuse(text, `${JSON.stringify(part)} is no part of a window; ${FORM}`);
    const isTime = name === 'from' || name === 'to';
    if (!isTime && !Object.hasOwn(counts, name)) refuse(text, `there is no ${name} to cut by; ${FORM}`);
    const key = isTime ? `${name}Ns` : name;
    if (Object.hasOwn(window, key)) refuse(text, `it names ${name} twice; leave one out`);
    window[key] = isTime ? timeOf(text, name, value) : rangeOf(text, name, value, counts[name]);
  }
  const parsed = window as unknown as ParsedTraceWindow;
  const { fromNs = 0, toNs = Number.POSITIVE_INFINITY } = parsed;
  if (toNs <= fromNs) refuse(text, 'it ends before it begins; let to be later than from');
  return parsed;
}

/** @throws BadInputError where a configuration's window is none. */
export function checkTraceWindow(configuration: Configuration): void {
  const { traceWindow } = configuration;
  if (traceWindow !== undefined) parseTraceWindow(traceWindow, configuration);
}
