import { closest } from '@epemu/config';
import { BadInputError, isMapping } from '@epemu/core';
import type { Requirement } from './requirement.js';

/** Short names of what is asked most, each with the figures that it may be: the first that there is. */
export const SHORT_NAMES: Readonly<Record<string, readonly string[]>> = {
  layer: ['steady.layerUs.mean', 'timeline.layerUs.mean'],
  exposed: ['steady.exposedCommPct', 'timeline.exposedCommPct'],
  overlap: ['steady.overlapPct', 'timeline.overlapPct'],
  idle: ['steady.idlePct', 'timeline.idlePct'],
  gain: ['steady.overlapGain', 'timeline.overlapGain'],
  span: ['timeline.spanUs'],
  step: ['throughput.stepMs'],
  tpot: ['throughput.tpotMs'],
  throughput: ['throughput.tokensPerSecondPerGpu'],
  notify: ['notifyPctOfComm'],
  memory: ['memory.gigabytes.total'],
};

export type FigureValue = number | string | boolean;

/** A figure that was found: where, and what it is. */
export interface Figure {
  /** The keys that lead to it, as they are written. */
  readonly path: string;
  readonly keys: readonly string[];
  /** Several where a path names all of a list. */
  readonly values: readonly FigureValue[];
}

/** Keys that name an entry of a list. */
const NAMES = ['name', 'id', 'rank', 'step', 'layer', 'link', 'phase'];

/** @returns the keys of `phases[MLP(0)].meanUs`: what stands in brackets is one, whatever it holds. */
export function keysOf(path: string): string[] {
  return [...path.matchAll(/\[([^\]]*)\]|([^.[\]]+)/g)].map(([, inBrackets, plain]) => inBrackets ?? plain ?? '');
}

function entryOf(list: readonly unknown[], key: string): unknown {
  const named = list.find((entry) => isMapping(entry) && NAMES.some((name) => String(entry[name]) === key));
  return named ?? (/^\d+$/.test(key) ? list[Number(key)] : undefined);
}

/** What a path leads to: values, or the key that leads nowhere and those that there are. */
type Found =
  | { readonly values: readonly unknown[] }
  | { readonly missing: string; readonly known: readonly string[]; readonly isEmptyList: boolean };

function inside(holder: unknown, key: string): Found {
  if (Array.isArray(holder)) {
    const list: readonly unknown[] = holder;
    if (key === '*' && list.length > 0) return { values: list };
    const entry = key === '*' ? undefined : entryOf(list, key);
    if (entry !== undefined) return { values: [entry] };
    const known = list.flatMap((each) => {
      const name = isMapping(each) ? NAMES.find((candidate) => each[candidate] !== undefined) : undefined;
      return name === undefined || !isMapping(each) ? [] : [`[${String(each[name])}]`];
    });
    return { missing: key, known: [...known, '[*]'], isEmptyList: list.length === 0 };
  }
  if (isMapping(holder) && Object.hasOwn(holder, key)) return { values: [holder[key]] };
  return { missing: key, known: isMapping(holder) ? Object.keys(holder) : [], isEmptyList: false };
}

/** Follows a path. A null on the way is what is found: a figure that this run has not. */
function follow(root: unknown, keys: readonly string[]): Found {
  let values: readonly unknown[] = [root];
  for (const key of keys) {
    const found = values.map((value) => (value === null ? { values: [null] } : inside(value, key)));
    const missing = found.find((each) => 'missing' in each);
    if (missing !== undefined) return missing;
    values = found.flatMap((each) => ('values' in each ? each.values : []));
  }
  return { values };
}

/** What the figures are of, for messages. */
export interface FigureSource {
  readonly name: string;
  readonly json: unknown;
  /** Whether lists are not filled yet: then what is asked of them is not judged. */
  readonly isOutline?: boolean;
}

function unknownFigure(
  source: FigureSource,
  { text }: Requirement,
  path: string,
  missing: string,
  known: readonly string[],
): never {
  const near = closest(missing, known);
  const names = known.slice(0, 12).join(', ');
  const hint =
    near !== undefined
      ? `did you mean ${near}?`
      : `${names === '' ? 'it has nothing below it' : `there are ${names}`}; epemu check --list shows all of a run`;
  throw new BadInputError('--require', `--require ${text}: ${source.name} has no ${missing} in ${path}; ${hint}`);
}

function isFigure(value: unknown): value is FigureValue {
  return ['number', 'string', 'boolean'].includes(typeof value);
}

/** @returns a requirement's figure; undefined where an outline cannot tell. @throws BadInputError where there is no such figure. */
export function figureOf(source: FigureSource, requirement: Requirement): Figure | undefined {
  const { name, text } = requirement;
  const candidates = Object.hasOwn(SHORT_NAMES, name) ? SHORT_NAMES[name] : [name];
  for (const [index, path] of candidates.entries()) {
    const keys = keysOf(path);
    const found = follow(source.json, keys);
    const isLast = index === candidates.length - 1;
    if ('missing' in found) {
      if (source.isOutline === true && found.isEmptyList) return undefined;
      if (!isLast) continue;
      const known = keys[0] === found.missing ? [...Object.keys(SHORT_NAMES), ...found.known] : found.known;
      return unknownFigure(source, requirement, path, found.missing, known);
    }
    const { values } = found;
    if (values.every(isFigure)) return { path, keys, values };
    if (values.some((value) => value === null || value === undefined)) {
      if (source.isOutline === true) return undefined;
      if (!isLast) continue;
      const problem = `${source.name} has no value of ${path}`;
      throw new BadInputError(
        '--require',
        `--require ${text}: ${problem}, which needs a run of its kind, of four layers or more; leave it out`,
      );
    }
    const below = isMapping(values[0])
      ? Object.keys(values[0]).slice(0, 12).join(', ')
      : '[*] or one of its entries in brackets';
    throw new BadInputError('--require', `--require ${text}: ${path} is no figure but holds some; add one of ${below}`);
  }
  return undefined;
}

/** @returns all figures of a report or an analysis that are in no list, by the keys that lead to them. */
export function allFigures(
  json: unknown,
  keys: readonly string[] = [],
): { readonly keys: readonly string[]; readonly value: FigureValue }[] {
  if (isFigure(json)) return [{ keys, value: json }];
  if (!isMapping(json)) return [];
  return Object.entries(json).flatMap(([key, value]) => allFigures(value, [...keys, key]));
}
