import { isMapping } from '@epemu/core';

/** A key of the configuration that differs; null where a side has none of it. */
export interface ConfigurationDifference {
  /** `hardware.ports.rdma.bandwidthGBps`; `hardware`, where it is another machine. */
  readonly key: string;
  readonly a: string | null;
  readonly b: string | null;
}

/** What a run was configured with, as `config.json` or its traces have it. */
export type ComparedConfiguration = Readonly<Record<string, unknown>>;

/** Keys that no virtual time follows from, and what others are made of. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  ...['version', 'threads', 'ranksPerWorker', 'stallTimeoutSeconds', 'pace', 'fabric', 'payload', 'faults'],
]);
/** Keys whose insides are another's that differs: a preset by its name, kernels and phases by overlap and model. */
const NAMED = ['hardware', 'model'];
const COLLAPSED: ReadonlySet<string> = new Set(['kernels', 'schedule.phases', 'schedule.streams', 'expertLoads']);
/** Longer values are cut: a line has room for no more. */
const MOST_CHARACTERS = 60;

function textOf(value: unknown): string | null {
  if (value === undefined) return null;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS - 1)}…`;
}

/** @returns what a preset is called: traces have its name alone. */
function nameOf(value: unknown): unknown {
  return isMapping(value) ? value['name'] : value;
}

function* inside(a: unknown, b: unknown, key: string): Generator<ConfigurationDifference> {
  if (JSON.stringify(a) === JSON.stringify(b)) return;
  if (COLLAPSED.has(key)) {
    yield { key, a: a === undefined ? null : 'its own', b: b === undefined ? null : 'its own, which differs' };
    return;
  }
  if (!isMapping(a) || !isMapping(b)) {
    yield { key, a: textOf(a), b: textOf(b) };
    return;
  }
  for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
    yield* inside(a[name], b[name], `${key}.${name}`);
  }
}

/** @returns whether a key's insides are told by one word. */
function* ofKey(key: string, a: unknown, b: unknown): Generator<ConfigurationDifference> {
  if (NAMED.includes(key)) {
    if (nameOf(a) !== nameOf(b)) yield { key, a: textOf(nameOf(a)), b: textOf(nameOf(b)) };
    // A trace knows the name alone, which tells nothing of what was changed within.
    else if (isMapping(a) && isMapping(b)) yield* inside(a, b, key);
    return;
  }
  yield* inside(a, b, key);
}

/** @returns keys that differ; none where a side does not tell its configuration. */
export function configurationDifferences(
  a: ComparedConfiguration | null,
  b: ComparedConfiguration | null,
): ConfigurationDifference[] {
  if (a === null || b === null) return [];
  // What the trace of one side leaves out is no difference.
  const isWhole = (of: ComparedConfiguration): boolean => isMapping(of['schedule']);
  const both = isWhole(a) && isWhole(b);
  const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((key) => {
    if (LEFT_OUT.has(key)) return false;
    return both || (a[key] !== undefined && b[key] !== undefined && !COLLAPSED.has(key));
  });
  return keys.flatMap((key) => [...ofKey(key, a[key], b[key])]);
}
