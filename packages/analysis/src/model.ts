import type { Columns } from '@epemu/core';

/**
 * A kernel or copy of one rank. Times are integer ns from the analysis' own zero; `stream` and `name` are indices into
 * the rank's streams and the analysis' names; `instance` is one into the rank's phases, −1 for none.
 */
export const KERNEL_COLUMNS = ['startNs', 'endNs', 'stream', 'name', 'instance'] as const;
export type KernelColumns = Columns<(typeof KERNEL_COLUMNS)[number]>;

/** One run of a phase on one rank. */
export interface PhaseInstance {
  /** `mlp(B)`, `issue DISPATCH(0)`, … */
  readonly phase: string;
  /** Rows of the rank's kernels, ascending by start. */
  readonly rows: readonly number[];
  readonly startNs: number;
  readonly endNs: number;
  /** Stream that most of it is on, the first of several alike, an index. */
  readonly stream: number;
  /** What emulated traces say of it; undefined elsewhere. */
  readonly operation: number | undefined;
  readonly layer: number | undefined;
}

/** A background transfer: from its issue to the last byte that the rank needs. */
export interface BackgroundTransfer {
  readonly phase: string;
  readonly startNs: number;
  readonly endNs: number;
  /** Operation that issued it, in emulated traces. */
  readonly operation: number | undefined;
}

/** A stream of a rank. */
export interface TraceStream {
  /** As the trace numbers it. */
  readonly id: string;
  /** `stream 27`, or what the trace calls it. */
  readonly name: string;
  /** What most of its kernels and of its time are: computation, or communication. */
  readonly role: 'computation' | 'communication';
}

/** An operation of an emulated run's program, as its traces list them. */
export interface TraceOperation {
  readonly id: number;
  readonly phase: string;
  readonly layer: number;
  /** Ids of operations that must have ended before it starts. */
  readonly gates: readonly number[];
  /** For a wait: the issue whose transfer it waits for. */
  readonly issue: number | undefined;
}

/** What a trace says of the run, beside its events. */
export interface RunFacts {
  /** `decode`, for emulated runs. */
  readonly scenario: string | undefined;
  readonly worldSize: number | undefined;
  readonly nodeSize: number | undefined;
  readonly gpuName: string | undefined;
  readonly gpuSms: number | undefined;
  readonly computeSms: number | undefined;
  readonly communicationSms: number | undefined;
  /** Phase whose starts bound a layer, where the trace says so. */
  readonly layerMarker: string | undefined;
  readonly operations: readonly TraceOperation[];
  readonly configuration: unknown;
  readonly statement: { readonly real: string; readonly modelled: string } | undefined;
}

/** Bytes that a rank sent to each rank, by link; indexed by receiver. */
export interface BytesTo {
  readonly rdma: readonly number[];
  readonly nvlink: readonly number[];
  /** Bytes whose link the trace does not tell. */
  readonly other: readonly number[];
}

/** Everything that is known of one rank. */
export interface TraceRank {
  readonly rank: number;
  readonly file: string;
  readonly kernels: KernelColumns;
  readonly streams: readonly TraceStream[];
  /** In the order in which they start. */
  readonly instances: readonly PhaseInstance[];
  readonly transfers: readonly BackgroundTransfer[];
  /** Whether phases are named by the order of collectives, for the trace names none. */
  readonly inferred: boolean;
  readonly bytesTo: BytesTo | undefined;
  /** Bytes to each rank over any link, by the row of the kernel that sent them; of kernels whose args tell. */
  readonly sentBytes: ReadonlyMap<number, Float64Array>;
}

/** Something wrong with the input, in one sentence that names file, event or offset. */
export interface InputProblem {
  readonly file: string;
  readonly message: string;
  /** Whether something is missing in the analysis because of it. */
  readonly partial: boolean;
}

/** All ranks that were read, on one clock. */
export interface TraceSet {
  readonly ranks: readonly TraceRank[];
  readonly names: readonly string[];
  readonly facts: RunFacts;
  readonly source: 'emulated' | 'captured';
  readonly files: readonly string[];
  readonly problems: readonly InputProblem[];
}
