import type { RunListener, RunOptions } from '@epemu/cluster';

/** Somebody who looks on while a run is under way: a metrics server, a live page. */
export interface RunObserver {
  readonly onEvent: RunListener;
  /** Whether it needs every operation's virtual times. */
  readonly follow: boolean;
  /** Workers that the run starts serve their metrics, see `RunOptions`. */
  readonly workerMetricsLingerSeconds?: number;
  /** Given what shows the ranks' metrics, where they are in this process. */
  readonly onLocalRanks?: RunOptions['onLocalRanks'];
  /** Goes on after the run has ended, for as long as it is to; ends early when the signal aborts. */
  linger?(signal: AbortSignal): Promise<void>;
  /** Frees what it holds. */
  close(): Promise<void>;
}
