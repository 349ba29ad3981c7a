import { RunMetricsServer } from '@epemu/cluster';
import type { RunEvent } from '@epemu/cluster';
import { messageOf } from '@epemu/core';
import { metricsSettings } from './metrics-flags.js';
import type { MetricsFlags } from './metrics-flags.js';
import type { RunObserver } from './run-observer.js';
import { TargetsFile } from './targets-file.js';

/** Begins a list of targets where one is asked for. @throws BadInputError when it cannot be written; then nothing is served. */
async function targetsFile(path: string | undefined, server: RunMetricsServer): Promise<TargetsFile | undefined> {
  if (path === undefined) return undefined;
  try {
    return new TargetsFile(path);
  } catch (error) {
    await server.close();
    throw error;
  }
}

/** Serves a run's metrics where the flags ask for it. @throws BadInputError or ListenError naming flag or address. */
export async function openMetrics(flags: MetricsFlags): Promise<RunObserver | undefined> {
  const settings = metricsSettings(flags);
  if (settings === undefined) return undefined;
  const { address, lingerSeconds } = settings;
  const server = await RunMetricsServer.open(address, lingerSeconds);
  // Only now: a second run that finds the port in use must not empty the first one's list.
  const file = await targetsFile(flags.prometheusSd, server);
  process.stderr.write(`metrics are served at http://${server.target}/metrics\n`);
  // What is listed for others to find must not end the run.
  const list = (change: () => void): void => {
    try {
      change();
    } catch (error) {
      process.stderr.write(`--prometheus-sd ${String(flags.prometheusSd)} was not written: ${messageOf(error)}\n`);
    }
  };
  // A second Ctrl-C ends the process at once.
  const clear = (): void => {
    list(() => file?.clear());
  };
  process.once('exit', clear);
  return {
    follow: false,
    workerMetricsLingerSeconds: lingerSeconds,
    onEvent: (event: RunEvent) => {
      server.note(event);
      if (event.type === 'connecting') list(() => file?.list(server.target, event.workers));
    },
    onLocalRanks: (ranks) => {
      server.show(ranks);
    },
    linger: (signal) => server.linger(lingerSeconds, signal),
    close: async () => {
      process.off('exit', clear);
      clear();
      await server.close();
    },
  };
}
