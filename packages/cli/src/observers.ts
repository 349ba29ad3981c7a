import { openMetrics } from './metrics-observer.js';
import type { RunObserver } from './run-observer.js';
import type { RunFlags } from './run-flags.js';
import { openLivePage } from './serve.js';

/** One for each kind of observer; undefined where the flags do not ask for it. */
const OPENERS: readonly ((flags: RunFlags) => Promise<RunObserver | undefined>)[] = [openMetrics, openLivePage];

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
