import { BadInputError, FILE_LIMITS, messageOf, readRegularFile, isMapping } from '@epemu/core';
import type { Mapping } from '@epemu/core';
import { LineCounter, parseDocument } from 'yaml';

/** How scenario files are parsed; errors are told in our words. */
export const YAML_OPTIONS = { logLevel: 'error', merge: true } as const;

export type PlainObject = Mapping;

/** Reads a YAML or JSON scenario file (JSON is YAML). @throws BadInputError naming file and line. */
export function readScenarioFile(path: string): PlainObject {
  let text: string;
  try {
    text = readRegularFile(path, FILE_LIMITS.configuration).toString();
  } catch (error) {
    throw new BadInputError(path, `${path} cannot be read (${messageOf(error)}); name a YAML or JSON scenario file`);
  }
  // Aliases that multiply, or lead nowhere, and nesting too deep for the stack are thrown, not listed as errors.
  const attempt = <T>(read: () => T): T => {
    try {
      return read();
    } catch (cause) {
      const message = `${path} cannot be read (${messageOf(cause)}); mend its aliases or nesting`;
      throw new BadInputError(path, message, { cause });
    }
  };
  const lines = new LineCounter();
  const document = attempt(() => parseDocument(text, { lineCounter: lines, ...YAML_OPTIONS }));
  const problem = document.errors[0];
  if (problem !== undefined) {
    const { line } = lines.linePos(problem.pos[0]);
    const what = problem.message.split('\n')[0] ?? '';
    throw new BadInputError(path, `${path}, line ${line}: ${what.replace(/ at line .*$/, '')}; mend the file's syntax`);
  }
  const value = attempt((): unknown => document.toJS({ maxAliasCount: 100 }));
  if (!isMapping(value)) throw new BadInputError(path, `${path} holds no mapping of keys to values at its top level`);
  return value;
}

/** @returns a deep merge in which `over` is the stronger; arrays and scalars are replaced whole. */
export function merged(base: PlainObject, over: PlainObject): PlainObject {
  const result: PlainObject = { ...base };
  for (const [key, value] of Object.entries(over)) {
    if (value === undefined) continue;
    const before = result[key];
    result[key] = isMapping(before) && isMapping(value) ? merged(before, value) : value;
  }
  return result;
}

/** @returns a flag's or variable's text as the JSON value it spells, else the text itself. */
export function parseScalar(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** Environment variables that configure a run, and the key each sets. */
const ENVIRONMENT_KEYS = {
  EPEMU_RANKS: 'ranks',
  EPEMU_LAYERS: 'layers',
  EPEMU_SEED: 'seed',
  EPEMU_ROUTING: 'routing',
  EPEMU_EXPERT_LOADS: 'expertLoads',
  EPEMU_EPLB: 'eplb',
  EPEMU_REDUNDANT_EXPERTS: 'redundantExperts',
  EPEMU_EPLB_POLICY: 'eplbPolicy',
  EPEMU_OVERLAP: 'overlap',
  EPEMU_ERA: 'era',
  EPEMU_FABRIC: 'fabric',
  EPEMU_RANKS_PER_WORKER: 'ranksPerWorker',
  EPEMU_THREADS: 'threads',
  EPEMU_TOKENS_PER_MICROBATCH: 'tokensPerMicrobatch',
  EPEMU_MODEL: 'model',
  EPEMU_HARDWARE: 'hardware',
  EPEMU_KERNEL_NAMES: 'kernelNames',
  EPEMU_TRACKS: 'tracks',
  EPEMU_TRACE_WINDOW: 'traceWindow',
  EPEMU_STALL_TIMEOUT_SECONDS: 'stallTimeoutSeconds',
  EPEMU_PACE: 'pace',
} as const;

/** @returns what the environment configures. */
export function environmentOverrides(environment: Readonly<Record<string, string | undefined>>): PlainObject {
  const result: PlainObject = {};
  for (const [variable, key] of Object.entries(ENVIRONMENT_KEYS)) {
    const text = environment[variable];
    if (text !== undefined && text !== '') result[key] = parseScalar(text);
  }
  return result;
}

/**
 * Applies one `--set path=value` in place.
 * @throws BadInputError when the text has no `=`, or when the path leads through something that is not there.
 */
export function applySetting(root: PlainObject, setting: string, optionalKeys: readonly string[]): void {
  const at = setting.indexOf('=');
  if (at <= 0) throw new BadInputError('--set', `--set ${setting} has no value; write it as path=value`);
  const path = setting.slice(0, at).split('.');
  const value = parseScalar(setting.slice(at + 1));
  let target: unknown = root;
  path.forEach((key, depth) => {
    const place = path.slice(0, depth + 1).join('.');
    const holder = target;
    const known = typeof holder === 'object' && holder !== null && Object.hasOwn(holder, key);
    if (!known && !(depth === 0 && optionalKeys.includes(key))) {
      const keys = typeof holder === 'object' && holder !== null ? Object.keys(holder) : [];
      const listed = keys.slice(0, 40).join(', ');
      throw new BadInputError('--set', `--set ${setting}: there is no ${place}; known here are ${listed}`);
    }
    const slot = holder as Record<string, unknown>;
    if (depth === path.length - 1) slot[key] = value;
    else target = slot[key];
  });
}
