import { mergeIntervals, overlapFigures, unite } from '@epemu/timeline';
import type { Intervals, OverlapFigures, TimeWindow } from '@epemu/timeline';
import type { KernelRole, KernelRoles } from '../kernel-role.js';
import type { TraceRank } from '../model.js';

/** A rank's kernels, merged by class: HTA's definitions, with and without background transfers. */
export class TraceView {
  readonly rank: TraceRank;
  readonly compute: Intervals;
  readonly memory: Intervals;
  /** Communication kernels alone. */
  readonly kernelCommunication: Intervals;
  readonly transfers: Intervals;
  /** Kernels and background transfers. */
  readonly communication: Intervals;
  readonly #names: readonly string[];
  readonly #roles: KernelRoles;
  readonly #stream: Intervals | undefined;

  constructor(rank: TraceRank, names: readonly string[], roles: KernelRoles) {
    this.rank = rank;
    this.#names = names;
    this.#roles = roles;
    this.compute = this.#merge((row) => this.role(row).class === 'compute');
    this.memory = this.#merge((row) => this.role(row).class === 'memory');
    this.kernelCommunication = this.#merge((row) => this.role(row).class === 'communication');
    const { transfers, streams, kernels } = rank;
    this.transfers = mergeIntervals(
      transfers.map(({ startNs }) => startNs),
      transfers.map(({ endNs }) => endNs),
    );
    this.communication = unite(this.kernelCommunication, this.transfers);
    const ids = kernels.column('stream');
    const hasOwnStream = streams.some(({ role }) => role === 'communication');
    this.#stream = hasOwnStream ? this.#merge((row) => streams[ids[row]].role === 'communication') : undefined;
  }

  /** What a kernel is, by row. */
  role(row: number): KernelRole {
    return this.#roles.of(this.#names[this.rank.kernels.column('name')[row]]);
  }

  #merge(belongs: (row: number) => boolean): Intervals {
    const { kernels } = this.rank;
    const [starts, ends] = [kernels.column('startNs'), kernels.column('endNs')];
    const rows: number[] = [];
    for (let row = 0; row < kernels.count; row++) if (belongs(row)) rows.push(row);
    return mergeIntervals(
      rows.map((row) => starts[row]),
      rows.map((row) => ends[row]),
    );
  }

  /** @param withTransfers whether background transfers count as communication; HTA sees kernels alone. */
  figures(withTransfers: boolean, window?: TimeWindow): OverlapFigures {
    const { instances, transfers } = this.rank;
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
