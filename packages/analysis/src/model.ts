import type { KernelIdentity, RankView } from '@epemu/timeline';

/** An operation of an emulated run's program, as its traces list them. */
export interface TraceOperation {
  readonly id: number;
  readonly phase: string;
  readonly layer: number;
  /** As the trace numbers it; undefined where it does not say. */
  readonly stream: string | undefined;
  /** Ids of operations that must have ended before it starts. */
  readonly gates: readonly number[];
  /** For a wait: the issue whose transfer it waits for. */
  readonly issue: number | undefined;
  /** For an issue and its wait: the name of the transfer between them. */
  readonly transfer: string | undefined;
}

/** What is known of a run beside its ranks. */
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

/** Something wrong with the input, in one sentence that names file, event or offset. */
export interface InputProblem {
  readonly file: string;
  readonly message: string;
  /** Whether something is missing in the analysis because of it. */
  readonly partial: boolean;
}

/** Where ranks come from, beside the ranks themselves. */
export interface RankSet {
  /** What kernels of all ranks are. */
  readonly identities: readonly KernelIdentity[];
  readonly facts: RunFacts;
  readonly source: 'emulated' | 'captured';
  readonly files: readonly string[];
  readonly problems: readonly InputProblem[];
}

/** All ranks that were read, on one clock. */
export interface TraceSet extends RankSet {
  readonly ranks: readonly RankView[];
}
