import { BadInputError } from '@epemu/core';
import { readTraceBatches } from '@epemu/trace';
import type { TraceEvent } from '@epemu/trace';
import { metadataOf } from './trace-metadata.js';
import type { Annotation, Launch, TraceContent, TracedKernel } from './traced-kernel.js';

const GPU_CATEGORIES: ReadonlySet<string> = new Set(['kernel', 'gpu_memcpy', 'gpu_memset']);
const LAUNCH_CATEGORIES: ReadonlySet<string> = new Set(['cuda_runtime', 'cuda_driver']);
/** Calls that put work on a stream; the host's many queries and attribute calls launch nothing. */
const LAUNCH_NAME = /launch|memcpy|memset/i;

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function dimensionsOf(value: unknown): readonly number[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  return value.every((size): size is number => typeof size === 'number' && size > 0) ? value : undefined;
}

/** @returns the event as a kernel; undefined where it has no times. Emulated traces have exact ns beside their µs. */
function kernelOf({ name, pid, tid, ts, dur, args = {} }: TraceEvent): TracedKernel | undefined {
  const startNs = numberOf(args['start ns']);
  const endNs = numberOf(args['end ns']);
  const exact = startNs !== undefined && endNs !== undefined;
  const startUs = exact ? startNs / 1000 : numberOf(ts);
  const durationUs = exact ? (endNs - startNs) / 1000 : numberOf(dur);
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
  readonly annotations: Annotation[] = [];
  readonly launches = new Map<number, Launch>();
  readonly #names = new Interned<string>();
  readonly #dimensions = new Interned<readonly number[] | undefined>();

  take(event: TraceEvent): void {
    const { cat, ph } = event;
    if (ph !== 'X' || cat === undefined) return;
    if (GPU_CATEGORIES.has(cat)) this.#kernel(event);
    else if (LAUNCH_CATEGORIES.has(cat)) this.#launch(event);
    else if (cat === 'user_annotation' || cat === 'gpu_user_annotation') this.#annotation(event);
  }

  #kernel(event: TraceEvent): void {
    const kernel = kernelOf(event);
    if (kernel === undefined) return;
    const shared = (list: readonly number[] | undefined): readonly number[] | undefined =>
      list === undefined ? undefined : this.#dimensions.get(list.join(), list);
    this.kernels.push({
      ...kernel,
      name: this.#names.get(kernel.name, kernel.name),
      grid: shared(kernel.grid),
      block: shared(kernel.block),
    });
  }

  #launch({ name, ts, tid, args }: TraceEvent): void {
    const correlation = numberOf(args?.['correlation']);
    if (correlation === undefined || ts === undefined || !LAUNCH_NAME.test(name)) return;
    this.launches.set(correlation, { atUs: ts, tid });
  }

  #annotation({ name, cat, pid, tid, ts, dur, args }: TraceEvent): void {
    if (ts === undefined || dur === undefined) return;
    const externalId = numberOf(args?.['External id']);
    const onGpu = cat === 'gpu_user_annotation';
    this.annotations.push({ name, onGpu, pid, tid, startUs: ts, endUs: ts + dur, externalId });
  }
}

/**
 * Reads what calibration needs of a trace; everything else streams by.
 *
 * @throws BadInputError when the file is missing, cut short or no trace, has no kernels, or those of several GPUs.
 */
export async function readTraceContent(path: string): Promise<TraceContent> {
  const collector = new Collector();
  let metadata = '{}';
  const batches = readTraceBatches(path, (text) => {
    metadata = text;
  });
  for await (const batch of batches) for (const event of batch) collector.take(event);
  const { kernels, annotations, launches } = collector;
  if (kernels.length === 0) {
    const missing = 'none of its "traceEvents" has "cat": "kernel"';
    throw new BadInputError(path, `${path} has no kernels: ${missing}; record it with ProfilerActivity.CUDA`);
  }
  const gpus = new Set(kernels.map(({ pid }) => pid));
  if (gpus.size > 1) {
    throw new BadInputError(path, `${path} has kernels of ${gpus.size} GPUs; give the trace of one rank`);
  }
  return { kernels, annotations, launches, ...metadataOf(path, metadata) };
}
