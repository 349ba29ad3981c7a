import { resolveConfiguration, scenarioNames } from '@epemu/config';
import type { Configuration } from '@epemu/config';
import { predictMemoryBytes } from '../dry-run.js';
import type { Machine, Needs } from './machine.js';

/** Files that a process of a run has open by itself: libraries, pipes, event loops. Measured: 22. */
const BASE_FILES = 32;
/** The parent of the workers has a connection and two pipes for each. Measured: 64 workers fail with 200 in all, and run with 230. */
const FILES_PER_WORKER = 3;
/** Threads of a worker process without those that compute, of which each has one at least. Measured: 8. */
const THREADS_PER_WORKER = 9;
/** Threads of the process that starts them. Measured: 11. */
const BASE_THREADS = 12;

/** How a scenario can be run on a machine. */
export interface Capacity {
  readonly scenario: string;
  /** Ranks: the published number, or the largest that fits. */
  readonly ranks: number;
  readonly publishedRanks: number;
  /** Fewest ranks of a process that fit; undefined where not even two ranks do. */
  readonly ranksPerWorker: number | undefined;
  readonly workers: number;
  readonly memoryBytes: number;
}

/** @returns what a configuration needs of a machine. */
export function needsOf(configuration: Configuration): Needs {
  const { ranks, ranksPerWorker, threads } = configuration;
  const workers = ranks / ranksPerWorker;
  return {
    memoryBytes: predictMemoryBytes(configuration),
    openFiles: BASE_FILES + FILES_PER_WORKER * workers,
    processes: BASE_THREADS + THREADS_PER_WORKER * workers + threads,
  };
}

function fits(machine: Machine, needs: Needs): boolean {
  return (
    needs.memoryBytes <= machine.memoryBytes &&
    needs.openFiles <= machine.openFiles &&
    needs.processes <= machine.processes
  );
}

/** A published configuration, or one with fewer ranks. The environment of the user has no say in it. */
function scenarioWith(scenario: string, flags: Record<string, unknown> = {}): Configuration {
  return resolveConfiguration({ scenario, flags: { fabric: 'websocket', ...flags } });
}

/** @returns the configuration of the run that a newcomer starts. */
export function defaultRun(): Configuration {
  return scenarioWith('decode');
}

/** @returns the most processes in which a configuration fits. */
function spread(machine: Machine, configuration: Configuration): Configuration | undefined {
  for (let ranksPerWorker = 1; ranksPerWorker <= configuration.ranks; ranksPerWorker *= 2) {
    const candidate = { ...configuration, ranksPerWorker };
    if (configuration.ranks % ranksPerWorker === 0 && fits(machine, needsOf(candidate))) return candidate;
  }
  return undefined;
}

function capacityOf(machine: Machine, scenario: string): Capacity {
  const published = scenarioWith(scenario);
  const publishedRanks = published.ranks;
  let found = spread(machine, published);
  for (let ranks = publishedRanks / 2; found === undefined && ranks >= 2; ranks /= 2)
    found = spread(machine, scenarioWith(scenario, { ranks }));
  if (found === undefined)
    return { scenario, ranks: 0, publishedRanks, ranksPerWorker: undefined, workers: 0, memoryBytes: 0 };
  const { ranks, ranksPerWorker } = found;
  const { memoryBytes } = needsOf(found);
  return { scenario, ranks, publishedRanks, ranksPerWorker, workers: ranks / ranksPerWorker, memoryBytes };
}

/** @returns what a machine can run of each built-in scenario. */
export function capacities(machine: Machine): Capacity[] {
  return scenarioNames().map((scenario) => capacityOf(machine, scenario));
}
