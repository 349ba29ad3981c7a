import { runScenario, runWorker } from '@epemu/cluster';
import type { RunOutcome, WorkerOptions } from '@epemu/cluster';
import type { Configuration } from '@epemu/config';

export const TOKEN = 'token of the tests';

/** A worker of a run whose workers are told apart from the run, in this process. */
export type ExternalWorker = Omit<WorkerOptions, 'coordinatorUrl' | 'token'>;

/**
 * Runs a configuration with a coordinator and workers in this process, over real WebSockets. Workers join one after
 * the other in the order given.
 */
export async function runWithWorkers(
  configuration: Configuration,
  out: string,
  workers: readonly ExternalWorker[],
  host = '127.0.0.1',
): Promise<RunOutcome> {
  let left: Promise<unknown> = Promise.resolve();
  const outcome = await runScenario({
    configuration: { ...configuration, fabric: 'websocket' },
    out,
    external: {
      host,
      port: 0,
      token: TOKEN,
      joinTimeoutMs: 30_000,
      onListening: (coordinatorUrl) => {
        // A worker of a failed run ends with an error of its own; the run's is the one that counts.
        left = Promise.allSettled(workers.map((worker) => runWorker({ ...worker, coordinatorUrl, token: TOKEN })));
      },
    },
  });
  await left;
  return outcome;
}

/** @returns the digest of a run that is to end well. @throws what it ended with otherwise. */
export function digestOfOutcome({ error, report }: RunOutcome): string {
  if (error !== undefined) throw error;
  if (report.digest === null) throw new Error('a run that ended well has no digest');
  return report.digest;
}
