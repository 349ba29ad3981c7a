import type { Configuration } from '@epemu/config';
import { ComputePool } from '@epemu/compute';
import type { ComputeStatistics } from '@epemu/compute';
import { Columns } from '@epemu/core';
import type { Fabric } from '@epemu/fabric';
import { Rank } from '@epemu/rank';
import type { Operation, Program } from '@epemu/schedule';
import { HOST_EVENT_COLUMNS, HOST_KIND, HOST_TASK_KINDS } from '@epemu/trace';
import type { HostEventColumns } from '@epemu/trace';
import type { Move } from '../run-events.js';

/** Host events kept per process: some 10 MB; a longer run keeps its beginning and counts what it drops. */
const MOST_HOST_EVENTS = 200_000;

/** The ranks of one process, their compute threads and what the process really did. */
export class RankGroup {
  readonly ranks: readonly Rank[];
  readonly hostEvents: HostEventColumns = new Columns(HOST_EVENT_COLUMNS, 1024);
  /** Host events beyond {@link MOST_HOST_EVENTS}, which are not in the host trace. */
  droppedHostEvents = 0;
  readonly #pool: ComputePool;
  /** Operation that each rank is in. */
  readonly current = new Map<number, number>();
  /** Operations started, over all ranks. */
  operationsStarted = 0;

  constructor(options: {
    configuration: Configuration;
    program: Program;
    fabric: Fabric;
    ranks: readonly number[];
    threads: number;
    onOperation?: (rank: number, operation: Operation) => void;
    /** Told what has ended in virtual time. */
    onMove?: (move: Move) => void;
  }) {
    const { configuration, program, fabric, ranks, threads, onOperation, onMove } = options;
    this.#pool = new ComputePool({ threads, hidden: configuration.payload.hidden });
    this.ranks = ranks.map(
      (rank) =>
        new Rank({
          rank,
          configuration,
          program,
          fabric,
          pool: this.#pool,
          observer: {
            onOperation: (of, operation) => {
              this.current.set(of, operation.id);
              this.operationsStarted++;
              onOperation?.(of, operation);
            },
            onOperationEnd: (of, { id }, startNs, endNs) => {
              onMove?.({ rank: of, operation: id, background: false, startNs, endNs });
            },
            onTransfer: (of, { id }, startNs, endNs) => {
              onMove?.({ rank: of, operation: id, background: true, startNs, endNs });
            },
            onTask: (_of, kind, { startNs, endNs, thread }) => {
              this.noteHostEvent(HOST_KIND.task, startNs, endNs, thread, 0, HOST_TASK_KINDS.indexOf(kind));
            },
          },
        }),
    );
  }

  /** What the compute threads have done. */
  get computeStatistics(): ComputeStatistics {
    return this.#pool.statistics;
  }

  /** Keeps a host event for the host trace, or counts it as dropped. */
  noteHostEvent(kind: number, startNs: number, endNs: number, thread: number, bytes: number, detail: number): void {
    if (this.hostEvents.count >= MOST_HOST_EVENTS) {
      this.droppedHostEvents++;
      return;
    }
    this.hostEvents.push(kind, startNs, endNs, thread, bytes, detail);
  }

  /** Runs all ranks to their end. @throws the first failure; the other ranks are aborted. */
  async run(): Promise<void> {
    try {
      await Promise.all(this.ranks.map((rank) => rank.run()));
    } catch (error) {
      this.abort(error);
      throw error;
    }
  }

  /** Ends all ranks with an error. */
  abort(error: unknown): void {
    for (const rank of this.ranks) rank.abort(error);
  }

  /** Ends the compute threads. */
  async close(): Promise<void> {
    await this.#pool.close();
  }
}
