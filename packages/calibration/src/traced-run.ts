import { collectiveOf } from './collectives.js';
import type { Collective } from './collectives.js';
import { KernelNames } from '@epemu/trace';
import { togetherShares } from './alone.js';
import { busyTimes } from './busy-time.js';
import { smSplit } from './sm-split.js';
import type { SmSplit } from './sm-split.js';
import type { TraceContent } from './traced-kernel.js';

/** A trace's kernels told apart: collectives, what runs beside them on their streams, and compute. */
export interface TracedRun {
  readonly trace: TraceContent;
  readonly names: KernelNames;
  /** By kernel index. */
  readonly collectives: ReadonlyMap<number, Collective>;
  /** Streams that collectives fill, as `pid stream`. */
  readonly communicationStreams: ReadonlySet<string>;
  readonly split: SmSplit;
  /** ns by kernel index, of all kernels that are no collectives: shared out where compute kernels ran at once. */
  readonly ns: ReadonlyMap<number, number>;
  /** Share of their time in which collectives held SMs, of the same kernels. */
  readonly together: ReadonlyMap<number, number>;
}

/** What a duration that the profiler rounded down to nothing counts as: half its resolution. */
const SHORTEST_NS = 500;

/** More than any GPU has; a trace that says so says nothing. */
const MOST_SMS = 1e6;

/** @returns what a duration in µs counts as, ns. */
export function countedNs(us: number): number {
  return Math.max(SHORTEST_NS, us * 1000);
}

/** @returns a kernel's row: one stream of one GPU. */
export function streamOf({ pid, stream }: { pid: number | string; stream: number | string }): string {
  return `${pid} ${stream}`;
}

/** Tells a trace's kernels apart and shares out the time of those that ran at once. */
export function tracedRun(trace: TraceContent, baseSms: number): TracedRun {
  const { kernels } = trace;
  const names = new KernelNames();
  const collectives = new Map<number, Collective>();
  kernels.forEach(({ name }, index) => {
    const collective = collectiveOf(names.of(name));
    if (collective !== undefined) collectives.set(index, collective);
  });
  const communicationStreams = streamsOf(trace, collectives);
  const compute: number[] = [];
  const ns = new Map<number, number>();
  kernels.forEach((kernel, index) => {
    if (collectives.has(index)) return;
    if (communicationStreams.has(streamOf(kernel))) ns.set(index, countedNs(kernel.durationUs));
    else compute.push(index);
  });
  for (const [index, us] of busyTimes(kernels, compute)) ns.set(index, countedNs(us));
  const { numSms } = trace.deviceProperties;
  const isCount = typeof numSms === 'number' && Number.isInteger(numSms) && numSms > 0 && numSms <= MOST_SMS;
  const split = smSplit(isCount ? numSms : baseSms, kernels, collectives);
  return { trace, names, collectives, communicationStreams, split, ns, together: togetherShares(kernels, collectives) };
}

/** Streams on which collectives take more time than all else does; low-latency ones share a stream with compute. */
function streamsOf({ kernels }: TraceContent, collectives: ReadonlyMap<number, Collective>): Set<string> {
  const excess = new Map<string, number>();
  kernels.forEach((kernel, index) => {
    const collective = collectives.get(index);
    const sign = collective !== undefined && !collective.isLowLatency ? 1 : -1;
    const stream = streamOf(kernel);
    excess.set(stream, (excess.get(stream) ?? 0) + sign * kernel.durationUs);
  });
  return new Set([...excess].filter(([, us]) => us > 0).map(([stream]) => stream));
}
