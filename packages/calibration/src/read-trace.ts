import { BadInputError } from '@epemu/core';
import { eventTime, isCallCategory, isGpuCategory, readTraceBatches } from '@epemu/trace';
import type { TraceEvent } from '@epemu/trace';
import { metadataOf } from './trace-metadata.js';
import type { Annotation, Launch, TraceContent, TracedKernel } from './traced-kernel.js';

/** Calls that put work on a stream; the host's many queries and attribute calls launch nothing. */
const LAUNCH_NAME = /launch|memcpy|memset/i;

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/**
 * @returns a time that can be reckoned with: JSON may hold 1e300, whose sums and squares are no numbers any more, and
 * beyond 2^53 µs, 285 years, a double does not tell one µs from the next.
 */
function timeOf(value: unknown): number | undefined {
  const time = eventTime(value);
  return time !== undefined && Math.abs(time) <= Number.MAX_SAFE_INTEGER ? time : undefined;
}

function dimensionsOf(value: unknown): readonly number[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  return value.every((size): size is number => Number.isSafeInteger(size) && size > 0) ? value : undefined;
}

/**
 * @returns the event as a kernel; undefined where it has no usable times. Emulated traces have exact ns beside their
 * µs.
 */
function kernelOf({ name, pid, tid, ts, dur, args = {} }: TraceEvent): TracedKernel | undefined {
  const startNs = numberOf(args['start ns']);
  const endNs = numberOf(args['end ns']);
  const exact = startNs !== undefined && endNs !== undefined;
  const startUs = timeOf(exact ? startNs / 1000 : ts);
  const durationUs = timeOf(exact ? (endNs - startNs) / 1000 : dur);
  if (startUs === undefined || durationUs === undefined || durationUs < 0) return undefined;
  const { phase } = args;
  return {
    name,
    pid,
    stream: numberOf(args['stream']) ?? tid,
    startUs,
    durationUs,
    grid: dimensionsOf(args['grid']),
    block: dimensionsOf(args['block']),
    bytes: numberOf(args['bytes']),
    correlation: numberOf(args['correlation']),
    externalId: numberOf(args['External id']),
    phase: typeof phase === 'string' ? phase : undefined,
    operation: numberOf(args['operation']),
  };
}

/** Puts strings and lists that many kernels share into memory once. */
class Interned<Value> {
  readonly #made = new Map<string, Value>();

  get(key: string, value: Value): Value {
    const made = this.#made.get(key);
    if (made !== undefined) return made;
    this.#made.set(key, value);
    return value;
  }
}

/** Collects kernels, launches and annotations while a trace streams by. */
class Collector {
  readonly kernels: TracedKernel[] = [];
  /** Number of kernels without usable times, by name. */
  readonly untimed = new Map<string, number>();
  readonly annotations: Annotation[] = [];
  readonly launches = new Map<number, Launch>();
  readonly #names = new Interned<string>();
  readonly #dimensions = new Interned<readonly number[] | undefined>();

  take(event: TraceEvent): void {
    const { cat, ph } = event;
    if (cat === undefined) return;
    if (ph === 'B' && isGpuCategory(cat)) this.#countUntimed(event);
    if (ph !== 'X') return;
    if (isGpuCategory(cat)) this.#kernel(event);
    else if (isCallCategory(cat)) this.#launch(event);
    else if (cat === 'user_annotation' || cat === 'gpu_user_annotation') this.#annotation(event);
  }

  #kernel(event: TraceEvent): void {
    const kernel = kernelOf(event);
    if (kernel === undefined) {
      this.#countUntimed(event);
      return;
    }
    const shared = (list: readonly number[] | undefined): readonly number[] | undefined =>
      list === undefined ? undefined : this.#dimensions.get(list.join(), list);
    this.kernels.push({
      ...kernel,
      name: this.#names.get(kernel.name, kernel.name),
      grid: shared(kernel.grid),
      block: shared(kernel.block),
    });
  }

  #countUntimed({ name }: TraceEvent): void {
    this.untimed.set(name, (this.untimed.get(name) ?? 0) + 1);
  }

  #launch({ name, ts, tid, args }: TraceEvent): void {
    const correlation = numberOf(args?.['correlation']);
    const atUs = timeOf(ts);
    if (correlation === undefined || atUs === undefined || !LAUNCH_NAME.test(name)) return;
    this.launches.set(correlation, { atUs, tid });
  }

  #annotation({ name, cat, pid, tid, ts, dur, args }: TraceEvent): void {
    const [startUs, durationUs] = [timeOf(ts), timeOf(dur)];
    if (startUs === undefined || durationUs === undefined) return;
    const externalId = numberOf(args?.['External id']);
    const onGpu = cat === 'gpu_user_annotation';
    this.annotations.push({ name, onGpu, pid, tid, startUs, endUs: startUs + durationUs, externalId });
  }
}

/**
 * Reads what calibration needs of a trace; everything else streams by.
 *
 * @throws BadInputError when the file is missing, cut short or no trace, has no kernels with usable times, or those of
 * several GPUs.
 */
export async function readTraceContent(path: string): Promise<TraceContent> {
  const collector = new Collector();
  let metadata = '{}';
  const batches = readTraceBatches(path, {
    onMetadata: (text) => {
      metadata = text;
    },
  });
  for await (const batch of batches) for (const event of batch) collector.take(event);
  const { kernels, untimed, annotations, launches } = collector;
  if (kernels.length === 0 && untimed.size > 0) {
    const wanted = 'each needs "ph": "X", and "ts" and "dur" that are numbers, "dur" of 0 or more';
    throw new BadInputError(path, `${path} has no kernels with usable times: ${wanted}; record it again`);
  }
  if (kernels.length === 0) {
    const missing = 'none of its "traceEvents" has "cat": "kernel"';
    throw new BadInputError(path, `${path} has no kernels: ${missing}; record it with ProfilerActivity.CUDA`);
  }
  const gpus = new Set(kernels.map(({ pid }) => pid));
  if (gpus.size > 1) {
    throw new BadInputError(path, `${path} has kernels of ${gpus.size} GPUs; give the trace of one rank`);
  }
  return { kernels, untimed, annotations, launches, ...metadataOf(metadata) };
}
