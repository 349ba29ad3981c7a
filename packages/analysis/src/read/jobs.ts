import { BadInputError } from '@epemu/core';
import type { ReadFile } from './read-file.js';

/** Captures of one job may be of different steps; what lies further apart is of different runs. */
const MOST_APART_US = 24 * 3600 * 1e6;

/** What tells one job from another, as far as a file says it. */
interface JobFacts {
  readonly path: string;
  readonly worldSize: number | undefined;
  readonly gpu: string | undefined;
  /** Absolute µs; undefined where the file counts from anywhere. */
  readonly startUs: number | undefined;
}

function jobFacts({ path, metadata, collector }: ReadFile): JobFacts {
  const { facts, baseUs } = metadata;
  let firstNs = Number.POSITIVE_INFINITY;
  for (const gpu of collector.gpus.values()) {
    for (const ns of gpu.kernels.column('startNs')) firstNs = Math.min(firstNs, ns);
  }
  const startUs = baseUs > 0 ? baseUs + (collector.originUs ?? 0) + firstNs / 1000 : undefined;
  return { path, worldSize: facts.worldSize, gpu: facts.gpuName, startUs };
}

function differs<Value>(a: Value | undefined, b: Value | undefined): boolean {
  return a !== undefined && b !== undefined && a !== b;
}

/** @returns what tells two files to be of different jobs; empty where nothing does. */
function differences(a: JobFacts, b: JobFacts): string[] {
  const found: string[] = [];
  if (differs(a.worldSize, b.worldSize)) found.push('world sizes');
  if (differs(a.gpu, b.gpu)) found.push('GPUs');
  const apartUs = a.startUs === undefined || b.startUs === undefined ? 0 : Math.abs(a.startUs - b.startUs);
  if (apartUs > MOST_APART_US) found.push('days');
  return found;
}

function described({ path, worldSize, gpu, startUs }: JobFacts): string {
  const date = startUs === undefined ? undefined : new Date(startUs / 1000);
  const facts = [
    ...(worldSize === undefined ? [] : [`${worldSize} ranks`]),
    ...(gpu === undefined ? [] : [gpu]),
    ...(date === undefined || Number.isNaN(date.getTime()) ? [] : [date.toISOString().slice(0, 10)]),
  ];
  return `${path} (${facts.join(', ')})`;
}

/** @throws BadInputError where files are of different jobs: figures over them would mean nothing. */
export function checkOneJob(files: readonly ReadFile[]): void {
  const [first, ...others] = files.map(jobFacts);
  for (const other of others) {
    const found = differences(first, other);
    if (found.length === 0) continue;
    const message = `${described(first)} and ${described(other)} are of different jobs, by their ${found.join(' and ')}; analyse each by itself, or give --any-job to take them together`;
    throw new BadInputError(other.path, message);
  }
}
