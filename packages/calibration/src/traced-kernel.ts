import type { AttentionOptions } from './attention-pairs.js';

/** What a GPU did in one stretch, as a profiler recorded it. Times are µs. */
export interface TracedKernel {
  /** As it stands in the trace. */
  readonly name: string;
  /** Process row of the GPU; streams of one GPU share it. */
  readonly pid: number | string;
  readonly stream: number | string;
  readonly startUs: number;
  readonly durationUs: number;
  /** Launch dimensions; absent for copies. */
  readonly grid: readonly number[] | undefined;
  readonly block: readonly number[] | undefined;
  /** What a copy or a fill moved. */
  readonly bytes: number | undefined;
  /** Ties it to the call that launched it. */
  readonly correlation: number | undefined;
  /** Ties it to the operator that launched it. */
  readonly externalId: number | undefined;
  /** Phase and operation, where the trace says so itself (emulated traces do). */
  readonly phase: string | undefined;
  readonly operation: number | undefined;
}

/** A named range of the host, or its shadow on a stream of the GPU. Times are µs. */
export interface Annotation {
  readonly name: string;
  readonly onGpu: boolean;
  readonly pid: number | string;
  readonly tid: number | string;
  readonly startUs: number;
  readonly endUs: number;
  /** The same for all shadows of one range. */
  readonly externalId: number | undefined;
}

/** When and on which thread the host launched a kernel. */
export interface Launch {
  readonly atUs: number;
  readonly tid: number | string;
}

/** What calibration keeps of a trace. */
export interface TraceContent {
  /** Those with usable times, in file order. */
  readonly kernels: readonly TracedKernel[];
  /** Number of those without, by name. */
  readonly untimed: ReadonlyMap<string, number>;
  readonly annotations: readonly Annotation[];
  /** By correlation id. */
  readonly launches: ReadonlyMap<number, Launch>;
  /** The first GPU's properties; empty where the trace has none. */
  readonly deviceProperties: Readonly<Record<string, string | number>>;
  /** Ranks of the job, where the trace has them. */
  readonly worldSize: number | undefined;
  /** How the tokens of an emulated run attend, which is in the configuration that its traces carry. */
  readonly attention: AttentionOptions;
}

/** @returns the product of launch dimensions; undefined where there are none. */
export function gridProduct(kernel: TracedKernel): number | undefined {
  return kernel.grid?.reduce((product, size) => product * size, 1);
}
