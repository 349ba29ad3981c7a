import { BadInputError, InvariantError } from '@epemu/core';
import { movementIdOf } from './movement.js';
import { portsOf, transferOperations } from './ports.js';
import { blocksHost } from './program.js';
import type { Operation, Program, UntimedPair } from './program.js';

/**
 * Checks that the graph of streams, gates, ports and messages over all ranks has no cycle; a cycle would be a hang on
 * GPUs. Ranks of a role run the same operations and a collective joins all ranks of its group, so a cycle over ranks
 * projects on a cycle over the operations of all roles, and back: one node per operation (its kernels' end), one per
 * transfer (its last byte, anywhere) and one per notify that a CPU polls, so that nothing is launched before it has ended,
 * stand for all ranks.
 *
 * @throws BadInputError printing the cycle.
 */
export function checkAcyclic(program: Program): void {
  const count = program.operations.length;
  const graph = new WaitGraph(program);
  for (let role = 0; role < program.roles.length; role++) {
    graph.addRole(program.operations.filter((operation) => operation.role === role));
  }
  const { edges } = graph;
  const cycle = findCycle(edges);
  if (cycle === undefined) return;
  const name = (node: number): string => {
    const operation = program.operations[node % count];
    const part = ['', 'transfer of ', 'notify of '][Math.floor(node / count)];
    const role = program.roles.length > 1 ? ` on ${program.roles[operation.role].name}` : '';
    return `${part}${operation.phase} of row ${operation.row}${role}`;
  };
  const told = [...cycle, cycle[0]].map(name).join(' waits for ');
  throw new BadInputError('schedule', `schedule never ends: ${told}; remove one of these gates or change the order`);
}

/**
 * Computation is timed again by the transfers beside it, so a compute operation's end is known when those of all collectives
 * are that may run beside it. Finds pairs, over all roles, by which something would so wait for itself: without them the
 * graph of {@link checkAcyclic} with these edges has no cycle.
 *
 * @param program without cycles, its operations with what is beside them.
 * @returns pairs that must not be timed again, in the order in which they were found.
 */
export function untimedPairs(program: Program): UntimedPair[] {
  const graph = new WaitGraph(program);
  for (let role = 0; role < program.roles.length; role++) {
    graph.addRole(program.operations.filter((operation) => operation.role === role));
  }
  const count = program.operations.length;
  const { edges } = graph;
  const own = edges.map(({ length }) => length);
  for (const { id, kind, beside } of program.operations) if (kind === 'compute') edges[id].push(...beside);
  const untimed: UntimedPair[] = [];
  for (let cycle = findCycle(edges); cycle !== undefined; cycle = findCycle(edges)) {
    const nodes = cycle;
    const at = nodes.findIndex((node, i) => {
      return node < count && edges[node].includes(nodes[(i + 1) % nodes.length], own[node]);
    });
    if (at < 0) throw new InvariantError('a program that was found to have no cycle has one');
    const [compute, collective] = [nodes[at], nodes[(at + 1) % nodes.length]];
    edges[compute].splice(edges[compute].indexOf(collective, own[compute]), 1);
    untimed.push({ compute, collective });
  }
  return untimed;
}

/** What waits for what: node n < count is operation n, n < 2 count the transfer of n − count, else its notify. */
class WaitGraph {
  readonly edges: number[][];
  readonly #program: Program;
  readonly #count: number;
  /** By movement: the operation whose transfer node stands for it, whichever role each end has. */
  readonly #movements = new Map<number, number>();
  /** By exchange: the operation that sends to another role. */
  readonly #sends = new Map<number, number>();

  constructor(program: Program) {
    this.#program = program;
    this.#count = program.operations.length;
    this.edges = Array.from({ length: this.#count * 3 }, () => []);
    for (const { id, exchange, collective } of program.operations) {
      if (collective?.type === 'send' && exchange !== undefined) this.#sends.set(exchange, id);
    }
  }

  addRole(operations: readonly Operation[]): void {
    const count = this.#count;
    let polled: number | undefined;
    const lastOnStream = new Map<number, number>();
    for (const operation of operations) {
      const edges = this.edges[operation.id];
      const before = lastOnStream.get(operation.stream);
      if (before !== undefined) edges.push(before);
      lastOnStream.set(operation.stream, operation.id);
      edges.push(...operation.gates);
      if (operation.issue !== undefined) edges.push(this.#transferOf(this.#program.operations[operation.issue]));
      if (polled !== undefined) edges.push(count * 2 + polled);
      if (!blocksHost(this.#program, operation)) continue;
      this.edges[count * 2 + operation.id].push(...edges);
      polled = operation.id;
    }
    this.#addTransfers(operations);
  }

  #addTransfers(operations: readonly Operation[]): void {
    const lastOnPort = new Map<number, number>();
    for (const operation of transferOperations({ operations })) {
      const { id, kind, collective } = operation;
      const node = this.#transferOf(operation);
      const transfer = this.edges[node];
      const starts = [...this.edges[id]];
      if (kind === 'issue') {
        // An issue's transfer begins when its kernel has ended.
        transfer.push(id);
      } else if (collective!.type === 'send') {
        // Sending ends with its bytes on the way; they need not have arrived.
        transfer.push(...starts);
      } else {
        // A collective's kernel ends with its transfer, which a receiver does not begin.
        if (collective!.type !== 'receive') transfer.push(...starts);
        else transfer.push(this.#count + this.#sends.get(operation.exchange!)!);
        this.edges[id].push(node);
      }
      for (const port of portsOf(collective!)) {
        const before = lastOnPort.get(port);
        if (before !== undefined && before !== node) transfer.push(before);
        lastOnPort.set(port, node);
      }
    }
  }

  #transferOf(operation: Operation): number {
    const { id, exchange, collective } = operation;
    // What goes to another role leaves by one port and comes in by another, each in its rank's own order.
    const isHandOver = collective?.type === 'send' || collective?.type === 'receive';
    if (exchange === undefined || isHandOver) return this.#count + id;
    const movement = movementIdOf(operation);
    const first = this.#movements.get(movement) ?? id;
    // Twice in one role, it is not one transfer; what is wrong with that is told later.
    const isOwn = operation.kind !== 'wait' && this.#program.operations[first].role === operation.role && first !== id;
    if (isOwn) return this.#count + id;
    this.#movements.set(movement, first);
    return this.#count + first;
  }
}

/** Depth-first search without recursion: whole-model programs are thousands of operations deep. */
function findCycle(edges: readonly (readonly number[])[]): number[] | undefined {
  const state = new Uint8Array(edges.length);
  for (let root = 0; root < edges.length; root++) {
    if (state[root] !== 0) continue;
    const path = [root];
    const next = [0];
    state[root] = 1;
    while (path.length > 0) {
      const node = path[path.length - 1];
      const target = edges[node][next[next.length - 1]++];
      if (target === undefined) {
        state[node] = 2;
        path.pop();
        next.pop();
      } else if (state[target] === 1) {
        return path.slice(path.indexOf(target));
      } else if (state[target] === 0) {
        state[target] = 1;
        path.push(target);
        next.push(0);
      }
    }
  }
  return undefined;
}
