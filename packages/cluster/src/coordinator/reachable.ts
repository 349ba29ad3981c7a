import { EpemuError } from '@epemu/core';
import { hostOf, isLoopback } from '@epemu/http';

/** What a worker is known by. */
interface ListeningWorker {
  readonly name: string;
  readonly host: string;
  readonly machine: string;
  /** Where peers are to dial it. */
  readonly url: string;
}

/** Thrown when a worker listens where, or in a way in which, its peers cannot or must not reach it. */
export class UnreachableWorkerError extends EpemuError {}

/**
 * @param encrypted whether the run's connections are to be: what goes from worker to worker, too.
 * @throws UnreachableWorkerError when a worker would be dialled at a loopback address from another host, or in clear.
 */
export function checkReachable(workers: readonly ListeningWorker[], encrypted: boolean): void {
  const clear = workers.find(({ url }) => encrypted && new URL(url).protocol !== 'wss:');
  if (clear !== undefined) {
    throw new UnreachableWorkerError(
      `${clear.name} on ${clear.host} takes connections of its peers in clear, but the coordinator has TLS; ` +
        'start that worker with --tls-cert and --tls-key',
    );
  }
  for (const { name, host, machine, url } of workers) {
    const address = hostOf(new URL(url));
    if (!isLoopback(address)) continue;
    const other = workers.find((worker) => worker.host !== host || worker.machine !== machine);
    if (other === undefined) continue;
    throw new UnreachableWorkerError(
      `peers of ${name} on ${host} are told ${address}, which ${other.name} on ${other.host} cannot reach; ` +
        `give that worker an address that others reach: --host or --advertise`,
    );
  }
}
