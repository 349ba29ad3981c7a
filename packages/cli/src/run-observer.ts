import type { RunListener } from '@epemu/cluster';

/** Somebody who looks on while a run is under way: a metrics server, a live page. */
export interface RunObserver {
  readonly onEvent: RunListener;
  /** Whether it needs every operation's virtual times. */
  readonly follow: boolean;
  /** Goes on after the run has ended, for as long as it is to; ends early when the signal aborts. */
  linger?(signal: AbortSignal): Promise<void>;
  /** Frees what it holds. */
  close(): Promise<void>;
}
