import { InvariantError } from '@epemu/core';
import { portCount, portsOf, transferOperations } from '@epemu/schedule';
import type { Port, Program } from '@epemu/schedule';
import { PortClock } from '@epemu/timeline';
import { TimingEvent } from './event-queue.js';
import type { Activity, EventQueue } from './event-queue.js';

/** A port: the operations that it serves, in program order, and which of them is next. */
interface PortQueue {
  readonly clock: PortClock;
  readonly operations: number[];
  next: number;
  /** Who came before it was their turn, by operation. */
  readonly waiting: Map<number, TimingEvent<undefined>>;
}

/** A rank's ports, each serving (operation, hop) in program order. */
export class PortOrder {
  readonly #queue: EventQueue;
  readonly #ports: readonly PortQueue[];

  constructor(queue: EventQueue, program: Program) {
    this.#queue = queue;
    this.#ports = Array.from({ length: portCount(program) }, () => ({
      clock: new PortClock(),
      operations: [],
      next: 0,
      waiting: new Map<number, TimingEvent<undefined>>(),
    }));
    for (const operation of transferOperations(program)) {
      for (const port of portsOf(operation.collective!)) this.#ports[port].operations.push(operation.id);
    }
  }

  /**
   * Waits for an operation's turn at a port, lets `serve` use the port, and passes the turn on.
   * @throws InvariantError when the port has served the operation already, or never does.
   */
  *serve<T>(operation: number, port: Port, serve: (clock: PortClock) => T): Activity<T> {
    const queue = this.#ports[port];
    const { clock, operations, waiting } = queue;
    if (operations[queue.next] !== operation) {
      if (!operations.includes(operation, queue.next)) {
        throw new InvariantError(`port ${port} has no turn left for operation ${operation}`);
      }
      const turn = new TimingEvent<undefined>();
      waiting.set(operation, turn);
      yield* turn.value();
      waiting.delete(operation);
    }
    const result = serve(clock);
    const next = operations[++queue.next];
    const nextTurn = waiting.get(next);
    if (nextTurn !== undefined) this.#queue.happen(nextTurn, undefined);
    return result;
  }
}
