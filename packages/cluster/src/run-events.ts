import type { Configuration } from '@epemu/config';
import type { Report } from '@epemu/outputs';
import type { Program } from '@epemu/schedule';

/** A worker that has been given ranks. */
export interface PlacedWorker {
  readonly worker: number;
  readonly pid: number;
  readonly host: string;
  /** Ascending. */
  readonly ranks: readonly number[];
  /** Where it serves its metrics, `host:port`; known once it listens. */
  readonly metricsTarget?: string;
}

/** A rank's operation, or the background transfer of its issue, that has ended in virtual time. */
export interface Move {
  readonly rank: number;
  /** Id in the program. */
  readonly operation: number;
  readonly background: boolean;
  /** Virtual time, integer ns. */
  readonly startNs: number;
  readonly endNs: number;
}

/** What happens in a run, in this order; for its log, the live page and the coordinator's metrics. */
export type RunEvent =
  | {
      readonly type: 'begun';
      readonly runId: string;
      readonly folder: string;
      readonly configuration: Configuration;
      readonly program: Program;
      /** Whether workers come from elsewhere instead of being started by the run. */
      readonly external: boolean;
    }
  | { readonly type: 'listening'; readonly url: string }
  | { readonly type: 'joined'; readonly pid: number; readonly host: string; readonly slots: number }
  /** Somebody was turned away; of very many the first are told one by one, the rest together, by the last one's reason. */
  | { readonly type: 'refused'; readonly reason: string; readonly count?: number }
  /** A worker that had joined is gone before ranks were given out. */
  | { readonly type: 'withdrawn'; readonly pid: number; readonly host: string; readonly slots: number }
  | { readonly type: 'placed'; readonly workers: readonly PlacedWorker[] }
  /** All workers listen, and have begun to connect to each other. */
  | { readonly type: 'connecting'; readonly workers: readonly PlacedWorker[] }
  | { readonly type: 'started' }
  | {
      readonly type: 'moved';
      readonly worker: number;
      /** Operation that each of the worker's ranks is in, as [rank, operation]. */
      readonly operations: readonly (readonly [number, number])[];
      /** Messages that the worker has sent since the start. */
      readonly messagesSent: number;
      /** Empty unless the run is followed, see `RunOptions.follow`. */
      readonly moves: readonly Move[];
    }
  | { readonly type: 'finished'; readonly worker: number }
  | { readonly type: 'lost'; readonly worker: number; readonly ranks: readonly number[] }
  | { readonly type: 'failed'; readonly message: string }
  | { readonly type: 'merging' }
  | { readonly type: 'ended'; readonly folder: string; readonly report: Report };

/** Told what happens in a run. What it throws ends the run: it must not. */
export type RunListener = (event: RunEvent) => void;
