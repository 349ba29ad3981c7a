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

/** Thrown when a worker listens where some of its peers cannot reach it. */
export class UnreachableWorkerError extends EpemuError {}

/** @throws UnreachableWorkerError when a worker would be dialled at a loopback address from another host. */
export function checkReachable(workers: readonly ListeningWorker[]): void {
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
