import type { Operation } from './program.js';

/** A set of operations as bits. */
class OperationSet {
  readonly #words: Uint32Array;

  constructor(count: number) {
    this.#words = new Uint32Array(Math.ceil(count / 32));
  }

  add(id: number): void {
    this.#words[id >>> 5] |= 1 << (id & 31);
  }

  addAll(other: OperationSet): void {
    for (let i = 0; i < this.#words.length; i++) this.#words[i] |= other.#words[i];
  }

  has(id: number): boolean {
    return (this.#words[id >>> 5] & (1 << (id & 31))) !== 0;
  }

  /** Whether every member is one of the other set too. */
  within(other: OperationSet): boolean {
    return this.#words.every((word, i) => (word & ~other.#words[i]) === 0);
  }
}

/**
 * Finds, for each collective, the compute operations that may run beside it: neither waits for the other, by streams,
 * gates and the CPU that launches them. Left out are those that wait for another collective that this one does not wait
 * for: whether they run is not known when this one starts, and asking would let two ranks wait for each other. With all
 * collectives on one stream there are none of these.
 *
 * @param operations in launch order.
 * @param blocksHost whether nothing is launched behind an operation before its notify has ended.
 * @returns ids by operation, ascending; empty for all but collectives.
 */
export function findBeside<T extends Pick<Operation, 'id' | 'kind' | 'stream' | 'gates' | 'issue'>>(
  operations: readonly T[],
  blocksHost: (operation: T) => boolean,
): readonly (readonly number[])[] {
  const count = operations.length;
  /** What has ended before an operation starts. */
  const before = operations.map(() => new OperationSet(count));
  /** Collectives of which an operation waits for the end, or for the notify alone. */
  const waits = operations.map(() => new OperationSet(count));
  const lastOnStream = new Map<number, number>();
  let polled: number | undefined;
  for (const operation of operations) {
    const { id, stream, gates, issue } = operation;
    const direct = [...gates, lastOnStream.get(stream), issue];
    lastOnStream.set(stream, id);
    for (const earlier of direct) {
      // A gate to what is launched later closes a cycle, which is refused.
      if (earlier === undefined || earlier >= id) continue;
      before[id].add(earlier);
      before[id].addAll(before[earlier]);
      waits[id].addAll(waits[earlier]);
      if (['collective', 'wait'].includes(operations[earlier].kind)) waits[id].add(earlier);
    }
    if (polled !== undefined) {
      before[id].addAll(before[polled]);
      waits[id].addAll(waits[polled]);
      waits[id].add(polled);
    }
    if (blocksHost(operation)) polled = id;
  }
  return operations.map(({ id, kind }) => {
    if (kind !== 'collective') return [];
    const known = new OperationSet(count);
    known.addAll(before[id]);
    // Its own notify has ended when its transfer asks who runs.
    known.add(id);
    return operations
      .filter((other) => other.kind === 'compute' && !before[id].has(other.id) && !before[other.id].has(id))
      .filter((other) => waits[other.id].within(known))
      .map((other) => other.id);
  });
}
