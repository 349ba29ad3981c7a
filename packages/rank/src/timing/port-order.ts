import { InvariantError, deferred } from '@epemu/core';
import type { Deferred } from '@epemu/core';
import { portsOf, transferOperations } from '@epemu/schedule';
import type { Program } from '@epemu/schedule';
import { PORT, PortClock } from '@epemu/timeline';
import type { Port } from '@epemu/timeline';

/** A port: the operations that it serves, in program order, and which of them is next. */
interface PortQueue {
  readonly clock: PortClock;
  readonly operations: number[];
  next: number;
  /** Who came before it was their turn, by operation. */
  readonly waiting: Map<number, Deferred<undefined>>;
}

/** A rank's four ports, each serving (operation, hop) in program order. */
export class PortOrder {
  readonly #ports = Object.values(PORT).map((): PortQueue => ({
    clock: new PortClock(),
    operations: [],
    next: 0,
    waiting: new Map(),
  }));

  constructor(program: Program) {
    for (const operation of transferOperations(program)) {
      for (const { link, direction } of portsOf(operation.collective!)) {
        const { out, in: incoming } =
          link === 'rdma' ? { out: PORT.rdmaOut, in: PORT.rdmaIn } : { out: PORT.nvlinkOut, in: PORT.nvlinkIn };
        this.#ports[direction === 'out' ? out : incoming].operations.push(operation.id);
      }
    }
  }

  /**
   * Waits for an operation's turn at a port, lets `serve` use the port, and passes the turn on.
   * @throws InvariantError when the port has served the operation already, or never does.
   */
  async serve<T>(operation: number, port: Port, serve: (clock: PortClock) => T): Promise<T> {
    const queue = this.#ports[port];
    const { clock, operations, waiting } = queue;
    if (operations[queue.next] !== operation) {
      if (!operations.includes(operation, queue.next)) {
        throw new InvariantError(`port ${port} has no turn left for operation ${operation}`);
      }
      const turn = deferred<undefined>();
      waiting.set(operation, turn);
      await turn.promise;
      waiting.delete(operation);
    }
    const result = serve(clock);
    const next = operations[++queue.next];
    waiting.get(next)?.resolve(undefined);
    return result;
  }
}
