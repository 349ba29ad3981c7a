import { randomBytes } from 'node:crypto';
import type { Configuration } from '@epemu/config';
import { asEpemuError } from '@epemu/core';
import type { TlsIdentity } from '@epemu/http';
import type { RunSpool } from '@epemu/outputs';
import type { Program } from '@epemu/schedule';
import { Coordinator } from './coordinator/coordinator.js';
import type { CoordinatorOptions } from './coordinator/coordinator.js';
import type { WorkerStatistics } from './control/messages.js';
import { WorkerLauncher } from './launcher.js';
import type { RunListener } from './run-events.js';

const LEAVE_GRACE_MS = 1500;

/** Workers that come from elsewhere instead of being started by the run. */
export interface ExternalWorkers {
  readonly host: string;
  readonly port: number;
  readonly token: string;
  readonly joinTimeoutMs: number;
  /** Take encrypted connections only. @default all are in clear */
  readonly tls?: TlsIdentity;
  /** Until this settles, workers that come after the run has ended are told to leave. @default the run's end */
  readonly openUntil?: Promise<void>;
  /** Told the address that workers must be given. */
  onListening(url: string): void;
}

/** Waits until no worker that a run has started is left; ends those that are when the signal aborts. */
export type WorkersGone = (signal: AbortSignal) => Promise<void>;

/** Workers that the run starts serve their metrics, and may stay after the run until these have been scraped. */
export interface Lingering {
  /** For how long, s. */
  readonly seconds: number;
  /** Told, when the run needs its workers no more, how to wait for their end. */
  onEnd(gone: WorkersGone): void;
}

/** What a run over WebSockets did on the host. */
export interface ClusterRunResult {
  readonly statistics: readonly WorkerStatistics[];
  /** Host time at which the ranks started, ns. */
  readonly startedNs: number;
}

/**
 * Runs ranks in worker processes over WebSockets; starts the workers itself unless they come from elsewhere.
 * @throws what ended the run; whatever was handed over by then is in the spool, and no worker is left unless workers
 * linger.
 */
export async function runCluster(options: {
  configuration: Configuration;
  program: Program;
  runId: string;
  spool: RunSpool;
  signal: AbortSignal | undefined;
  external: ExternalWorkers | undefined;
  /** Whether workers tell every operation's virtual times. */
  follow: boolean;
  onEvent: RunListener;
  lingering: Lingering | undefined;
}): Promise<ClusterRunResult> {
  const { configuration, external, signal, lingering, ...rest } = options;
  const token = external?.token ?? randomBytes(32).toString('hex');
  const coordinator = new Coordinator({
    ...rest,
    configuration,
    token,
    joinTimeoutMs: external?.joinTimeoutMs ?? 0,
    ...(external === undefined ? { ownWorkers: () => launcher.pids } : doorOf(external)),
  });
  const launcher: WorkerLauncher = new WorkerLauncher({
    onExit: (exit) => {
      coordinator.noteExit(exit);
    },
    onSpawnError: (error) => {
      coordinator.fail(error);
    },
  });
  let graceMs = LEAVE_GRACE_MS;
  try {
    const coordinatorUrl = await coordinator.listen();
    if (external === undefined) {
      const slots = configuration.ranksPerWorker;
      const metricsLingerSeconds = lingering?.seconds;
      launcher.start(configuration.ranks / slots, { coordinatorUrl, token, slots, metricsLingerSeconds });
    } else {
      external.onListening(coordinatorUrl);
    }
    const { startedNs } = await aborted(coordinator.run(), signal);
    const statistics = coordinator.members.flatMap((member) => member.statistics ?? []);
    return { statistics, startedNs };
  } catch (error) {
    await coordinator.collectPartial(asEpemuError(error));
    graceMs = 0;
    throw error;
  } finally {
    if (lingering === undefined) {
      await launcher.end(graceMs);
    } else {
      // They have let go of the run, or were told to: the coordinator needs them no more.
      lingering.onEnd((ended) => launcher.end(graceMs + lingering.seconds * 1000, ended));
    }
    if (external?.openUntil === undefined) await coordinator.close();
    else void external.openUntil.then(() => coordinator.close());
  }
}

/** @returns where and how workers from elsewhere come in. */
function doorOf({ host, port, tls }: ExternalWorkers): Pick<CoordinatorOptions, 'host' | 'port' | 'tls'> {
  return { host, port, ...(tls === undefined ? {} : { tls }) };
}

/** Waits for a promise unless the signal says to stop. @throws the signal's reason. */
function aborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    const stop = (): void => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', stop);
    });
  });
}
