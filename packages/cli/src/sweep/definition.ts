import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readScenarioFile, scenarioNames } from '@epemu/config';
import { BadInputError, isMapping } from '@epemu/core';
import { axisFrom, parseAxis } from '@epemu/experiments';
import type { Axis } from '@epemu/experiments';
import type { Requirement } from '../check/requirement.js';
import { parseRequirement } from '../check/requirement.js';
import { flagKeys } from '../options.js';

/** What a sweep is asked for. */
export interface SweepFlags {
  readonly over?: readonly string[];
  readonly under?: readonly string[];
  readonly minimize?: string;
  readonly maximize?: string;
}

/** Which figure is best where. */
export interface Objective {
  readonly figure: string;
  readonly direction: 'minimize' | 'maximize';
}

/** A sweep: what is emulated, over what, and which point is best. */
export interface SweepDefinition {
  readonly title: string;
  readonly scenario: string;
  /** What a sweep's file sets. */
  readonly settings: readonly string[];
  readonly axes: readonly Axis[];
  readonly objective: Objective;
  readonly under: readonly Requirement[];
}

const READY = fileURLToPath(new URL('../../data/sweeps/', import.meta.url));
const KEYS = ['sweep', 'scenario', 'set', 'over', 'minimize', 'maximize', 'under'];

/** @returns the names of the sweeps that come with the command, sorted. */
export function readySweeps(): string[] {
  return readdirSync(READY)
    .map((file) => basename(file, '.yaml'))
    .sort();
}

/** @returns the file that a name stands for, where it is a sweep's; undefined of a scenario's name or file. */
function sweepFile(name: string): string | undefined {
  if (scenarioNames().includes(name)) return undefined;
  if (/^[a-z-]+$/.test(name) && existsSync(join(READY, `${name}.yaml`))) return join(READY, `${name}.yaml`);
  if (statSync(name, { throwIfNoEntry: false })?.isFile() !== true || !/\.(?:ya?ml|json)$/i.test(name))
    return undefined;
  return 'over' in readScenarioFile(name) ? name : undefined;
}

/** @returns a limit: `tpot=50ms` means at most. @throws BadInputError */
function limitOf(text: string): Requirement {
  const written = /^([^<>=!]+)=([^<>=!]+)$/.exec(text);
  try {
    return parseRequirement(written === null ? text : `${written[1]}<=${written[2]}`);
  } catch (error) {
    if (!(error instanceof BadInputError)) throw error;
    throw new BadInputError('--under', error.message.replaceAll('--require', '--under'), { cause: error });
  }
}

function textsOf(value: unknown, key: string, file: string): string[] {
  const values: unknown[] = Array.isArray(value) ? value : value === undefined ? [] : [value];
  return values.map((each) => {
    if (typeof each === 'string') return each;
    throw new BadInputError(key, `${file}: ${key} is ${JSON.stringify(each)}; give a text such as tpot<=50ms`);
  });
}

function mappingOf(value: unknown, key: string, file: string): Readonly<Record<string, unknown>> {
  if (value === undefined) return {};
  if (isMapping(value)) return value;
  throw new BadInputError(
    key,
    `${file}: ${key} is ${JSON.stringify(value)}, but it must be a mapping of keys to values`,
  );
}

interface FilePart {
  readonly title: string;
  readonly scenario: string;
  readonly settings: readonly string[];
  readonly over: readonly Axis[];
  readonly flags: SweepFlags;
}

function partOfFile(file: string): FilePart {
  const values = readScenarioFile(file);
  const stray = Object.keys(values).find((key) => !KEYS.includes(key));
  if (stray !== undefined)
    throw new BadInputError(
      stray,
      `${file}: a sweep has no ${stray}; it has ${KEYS.join(', ')}; set what it is of below set`,
    );
  const word = (key: string): string | undefined => textsOf(values[key], key, file)[0];
  const [minimize, maximize] = [word('minimize'), word('maximize')];
  const settings = Object.entries(mappingOf(values['set'], 'set', file));
  return {
    title: word('sweep') ?? basename(file),
    scenario: word('scenario') ?? 'decode',
    settings: settings.map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`),
    over: Object.entries(mappingOf(values['over'], 'over', file)).map(([key, value]) =>
      axisFrom(key, value, flagKeys()),
    ),
    flags: {
      under: textsOf(values['under'], 'under', file),
      ...(minimize === undefined ? {} : { minimize }),
      ...(maximize === undefined ? {} : { maximize }),
    },
  };
}

function objectiveOf({ minimize, maximize }: SweepFlags): Objective | undefined {
  if (minimize !== undefined && maximize !== undefined) {
    throw new BadInputError('--minimize', '--minimize and --maximize are both given; give one of them');
  }
  if (minimize !== undefined) return { figure: minimize, direction: 'minimize' };
  return maximize === undefined ? undefined : { figure: maximize, direction: 'maximize' };
}

/** @returns what a sweep, a scenario and flags ask for; flags are stronger. @throws BadInputError */
export function sweepDefinition(name: string, flags: SweepFlags): SweepDefinition {
  const file = sweepFile(name);
  const part = file === undefined ? undefined : partOfFile(file);
  const given = (flags.over ?? []).map((text) => parseAxis(text, flagKeys()));
  const kept = (part?.over ?? []).filter(({ key }) => !given.some((axis) => axis.key === key));
  const axes = [...kept, ...given];
  if (axes.length === 0) {
    const ready = readySweeps().join(', ');
    throw new BadInputError('--over', `nothing is swept; give --over KEY=VALUES, or a ready sweep: ${ready}`);
  }
  const under = flags.under ?? part?.flags.under ?? [];
  return {
    title: part?.title ?? `${name} over ${axes.map(({ label }) => label).join(' and ')}`,
    scenario: part?.scenario ?? name,
    settings: part?.settings ?? [],
    axes,
    objective: objectiveOf(flags) ?? objectiveOf(part?.flags ?? {}) ?? { figure: 'throughput', direction: 'maximize' },
    under: under.map(limitOf),
  };
}
