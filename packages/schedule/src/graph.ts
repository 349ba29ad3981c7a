import { BadInputError } from '@epemu/core';
import { hopsOf, transferOperations } from './ports.js';
import { blocksHost } from './program.js';
import type { Program } from './program.js';

/**
 * Checks that the graph of streams, gates, ports and messages over all ranks has no cycle; a cycle would be a hang on
 * GPUs. Every rank runs the same program and a collective joins all ranks, so a cycle over ranks projects on a cycle
 * over operations, and back: one node per operation (its kernels' end), one per transfer (its last byte, anywhere) and
 * one per notify that a CPU polls, so that nothing is launched before it has ended, stand for all ranks.
 *
 * @throws BadInputError printing the cycle.
 */
export function checkAcyclic(program: Program): void {
  const count = program.operations.length;
  /** edges[n]: what n waits for; n < count: operation n, < 2 count: transfer of n − count, else notify of n − 2 count. */
  const edges: number[][] = Array.from({ length: count * 3 }, () => []);
  let polled: number | undefined;
  const lastOnStream = new Map<number, number>();
  for (const operation of program.operations) {
    const before = lastOnStream.get(operation.stream);
    if (before !== undefined) edges[operation.id].push(before);
    lastOnStream.set(operation.stream, operation.id);
    edges[operation.id].push(...operation.gates);
    if (operation.issue !== undefined) edges[operation.id].push(count + operation.issue);
    if (polled !== undefined) edges[operation.id].push(count * 2 + polled);
    if (!blocksHost(program, operation)) continue;
    edges[count * 2 + operation.id].push(...edges[operation.id]);
    polled = operation.id;
  }
  const lastOnPort = new Map<string, number>();
  for (const operation of transferOperations(program)) {
    const transfer = edges[count + operation.id];
    // A collective's kernel ends with its transfer; an issue's transfer begins when its kernel has ended.
    if (operation.kind === 'collective') {
      edges[operation.id].push(count + operation.id);
      transfer.push(...operation.gates);
      const before = edges[operation.id].find((node) => node < count && !operation.gates.includes(node));
      if (before !== undefined) transfer.push(before);
      transfer.push(...edges[operation.id].filter((node) => node >= count * 2));
    } else {
      transfer.push(operation.id);
    }
    for (const link of hopsOf(operation.collective!)) {
      const before = lastOnPort.get(link);
      if (before !== undefined) transfer.push(count + before);
      lastOnPort.set(link, operation.id);
    }
  }
  const cycle = findCycle(edges);
  if (cycle === undefined) return;
  const name = (node: number): string => {
    const operation = program.operations[node % count];
    const part = ['', 'transfer of ', 'notify of '][Math.floor(node / count)];
    return `${part}${operation.phase} of row ${operation.row}`;
  };
  const told = [...cycle, cycle[0]].map(name).join(' waits for ');
  throw new BadInputError('schedule', `schedule never ends: ${told}; remove one of these gates or change the order`);
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
