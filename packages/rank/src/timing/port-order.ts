import { deferred } from '@epemu/core';
import type { Deferred } from '@epemu/core';
import { hopsOf, transferOperations } from '@epemu/schedule';
import type { Program } from '@epemu/schedule';
import { PORT, PortClock } from '@epemu/timeline';
import type { Port } from '@epemu/timeline';

/** A rank's four ports, each serving (operation, hop) in program order. */
export class PortOrder {
  readonly #clocks = [new PortClock(), new PortClock(), new PortClock(), new PortClock()];
  /** For each (operation, port): the turn before it, and its own end. */
  readonly #turns = new Map<number, { before: Promise<void>; done: Deferred<undefined> }>();

  constructor(program: Program) {
    const last: Promise<void>[] = [0, 1, 2, 3].map(() => Promise.resolve());
    for (const operation of transferOperations(program)) {
      for (const link of hopsOf(operation.collective!)) {
        const ports = link === 'rdma' ? [PORT.rdmaOut, PORT.rdmaIn] : [PORT.nvlinkOut, PORT.nvlinkIn];
        for (const port of ports) {
          const done = deferred<undefined>();
          this.#turns.set(operation.id * 4 + port, { before: last[port], done });
          last[port] = done.promise;
        }
      }
    }
  }

  /** Waits for an operation's turn at a port, lets `serve` use the port, and passes the turn on. */
  async serve<T>(operation: number, port: Port, serve: (clock: PortClock) => T): Promise<T> {
    const turn = this.#turns.get(operation * 4 + port)!;
    await turn.before;
    const result = serve(this.#clocks[port]);
    turn.done.resolve(undefined);
    return result;
  }
}
