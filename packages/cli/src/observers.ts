import type { RunListener } from '@epemu/cluster';
import type { RunFlags } from './run-flags.js';

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

/** One for each kind of observer; undefined where the flags do not ask for it. */
const OPENERS: readonly ((flags: RunFlags) => Promise<RunObserver | undefined>)[] = [];

/** Opens the observers that the flags ask for. @throws what keeps one from being opened; none is left open then. */
export async function openObservers(flags: RunFlags): Promise<readonly RunObserver[]> {
  const observers: RunObserver[] = [];
  try {
    for (const open of OPENERS) {
      const observer = await open(flags);
      if (observer !== undefined) observers.push(observer);
    }
  } catch (error) {
    for (const observer of observers) await observer.close();
    throw error;
  }
  return observers;
}
