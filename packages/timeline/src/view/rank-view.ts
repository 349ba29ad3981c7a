import { mergeIntervals, unite } from '../intervals.js';
import type { Intervals } from '../intervals.js';
import { overlapFigures } from '../overlap-figures.js';
import type { OverlapFigures, TimeWindow } from '../overlap-figures.js';
import type { KernelClass, KernelIdentity } from './kernel-identity.js';

/** Kernels and copies of one rank as columns, ascending by start. Times are integer ns from the view's own zero. */
export interface KernelColumns {
  readonly count: number;
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
  /** When the CPU began the call that launched it; not a number where nothing tells. */
  readonly launchNs: Float64Array;
  /** Index into the rank's streams. */
  readonly stream: Int32Array;
  /** Index into the identities, which have class, role and link. */
  readonly kernel: Int32Array;
  /** Id in the program, −1 for none. */
  readonly operation: Int32Array;
  /** Index into the rank's phases, −1 for none. */
  readonly instance: Int32Array;
}

/** What a phase does with a background transfer: begin it, or wait for it. */
export type TransferHalf = 'issue' | 'wait';

/** One run of a phase on one rank. */
export interface PhaseInstance extends TimeWindow {
  /** `mlp(B)`, `issue DISPATCH(0)`, … */
  readonly phase: string;
  /** Rows of the rank's kernels, ascending by start. */
  readonly rows: readonly number[];
  /** Stream that it runs on, an index; of captured traces the one that most of it is on. */
  readonly stream: number;
  /** What runs, and their traces, say of it; undefined elsewhere. */
  readonly operation: number | undefined;
  readonly layer: number | undefined;
  /** The half of a background transfer that it is, and that transfer's name; undefined of all else. */
  readonly half: TransferHalf | undefined;
  readonly transfer: string | undefined;
}

/** A background transfer: from its issue to the last byte that the rank needs. */
export interface BackgroundTransfer extends TimeWindow {
  readonly phase: string;
  /** Operation that issued it, where that is known. */
  readonly operation: number | undefined;
}

/** A stream of a rank. */
export interface RankStream {
  /** As traces number it. */
  readonly id: string;
  /** `stream 27`, or what the trace calls it. */
  readonly name: string;
  /** What it is for: communication where it runs collectives and no phase that computes. */
  readonly role: 'computation' | 'communication';
}

/** Bytes that a rank sent to each rank, by the links that carried them; indexed by receiver. */
export interface BytesTo {
  /** Over links between nodes. */
  readonly rdma: readonly number[];
  /** Over links inside a node. */
  readonly nvlink: readonly number[];
  /** Bytes whose link is not known. */
  readonly other: readonly number[];
}

/** When a rank worked on a step of the profiler, from the start of its first kernel to the end of its last. */
export interface StepWindow extends TimeWindow {
  readonly step: number;
}

/** What kernels waited for beside the one before them on their stream, as calls in a trace tell it. */
export interface RecordedWaits {
  /** By row, the rows that it waited for. */
  readonly before: ReadonlyMap<number, readonly number[]>;
  /** Rows of which the calls do not tell; undefined where they tell of threads alone, not of streams. */
  readonly untold: ReadonlySet<number> | undefined;
}

/** Everything that is known of one rank. */
export interface RankContent {
  readonly rank: number;
  /** Where it was read from. */
  readonly file: string;
  readonly kernels: KernelColumns;
  /** Shared by all ranks of a set. */
  readonly identities: readonly KernelIdentity[];
  readonly streams: readonly RankStream[];
  /** In the order in which they start. */
  readonly instances: readonly PhaseInstance[];
  readonly transfers: readonly BackgroundTransfer[];
  /** Whether phases are named by the order of collectives, for the trace names none. */
  readonly inferred: boolean;
  readonly bytesTo: BytesTo | undefined;
  /** Bytes to each rank over any link, by the row of the kernel that sent them; of kernels whose args tell. */
  readonly sentBytes: ReadonlyMap<number, Float64Array>;
  /** Process group of a kernel, by row, of those whose args tell; absent where none do. */
  readonly groups?: ReadonlyMap<number, string>;
  /** Steps of the profiler, ascending; absent where a trace has none. */
  readonly steps?: readonly StepWindow[];
  /** Absent where a trace has no calls that tell. */
  readonly waits?: RecordedWaits;
  /** Whether its times were counted from a moment that all hosts know, such as the epoch. */
  readonly isAbsolute?: boolean;
}

/**
 * One rank as all figures are read from, whether it has just run or comes from a trace: its kernels as columns, and
 * these merged by class over all streams, as HTA does, with and without background transfers.
 */
export class RankView {
  readonly content: RankContent;
  readonly compute: Intervals;
  /** Copies and fills, which are neither computation nor communication. */
  readonly memory: Intervals;
  /** Communication kernels alone. */
  readonly kernelCommunication: Intervals;
  readonly transfers: Intervals;
  /** Kernels and background transfers. */
  readonly communication: Intervals;
  readonly #stream: Intervals | undefined;

  constructor(content: RankContent) {
    this.content = content;
    this.compute = this.#merge((row) => this.class(row) === 'compute');
    this.memory = this.#merge((row) => this.class(row) === 'memory');
    this.kernelCommunication = this.#merge((row) => this.class(row) === 'communication');
    const { transfers, streams, kernels } = content;
    this.transfers = mergeIntervals(
      transfers.map(({ startNs }) => startNs),
      transfers.map(({ endNs }) => endNs),
    );
    this.communication = unite(this.kernelCommunication, this.transfers);
    const hasOwnStream = streams.some(({ role }) => role === 'communication');
    this.#stream = hasOwnStream
      ? this.#merge((row) => streams[kernels.stream[row]].role === 'communication')
      : undefined;
  }

  get rank(): number {
    return this.content.rank;
  }

  /** What a kernel is, by row. */
  identity(row: number): KernelIdentity {
    return this.content.identities[this.content.kernels.kernel[row]];
  }

  class(row: number): KernelClass {
    return this.identity(row).class;
  }

  #merge(belongs: (row: number) => boolean): Intervals {
    const { count, startNs, endNs } = this.content.kernels;
    const rows: number[] = [];
    for (let row = 0; row < count; row++) if (belongs(row)) rows.push(row);
    return mergeIntervals(
      rows.map((row) => startNs[row]),
      rows.map((row) => endNs[row]),
    );
  }

  /** @param withTransfers whether background transfers count as communication; HTA sees kernels alone. */
  figures(withTransfers: boolean, window?: TimeWindow): OverlapFigures {
    const { instances, transfers } = this.content;
    const walls: TimeWindow[] = [...instances, ...(withTransfers ? transfers : [])];
    const stream = this.#stream !== undefined && withTransfers ? unite(this.#stream, this.transfers) : this.#stream;
    return overlapFigures(
      {
        compute: this.compute,
        communication: withTransfers ? this.communication : this.kernelCommunication,
        memory: this.memory,
        stream,
        walls,
      },
      window,
    );
  }
}
