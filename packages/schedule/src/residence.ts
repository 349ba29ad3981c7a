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

type Row = Pick<Operation, 'id' | 'kind' | 'stream' | 'gates' | 'issue'>;

/** What an operation waits for: the ends of others, and a notify that the CPU polls before it launches it. */
interface Edges {
  readonly ends: readonly number[];
  readonly notify: number | undefined;
}

function edgesOf<T extends Row>(operations: readonly T[], blocksHost: (operation: T) => boolean): Edges[] {
  const places = new Map(operations.map(({ id }, place) => [id, place]));
  const lastOnStream = new Map<number, number>();
  let polled: number | undefined;
  return operations.map((operation, place) => {
    const { stream, gates, issue } = operation;
    const named = [...gates, issue].filter((id) => id !== undefined).map((id) => places.get(id)!);
    const ends = [...named, lastOnStream.get(stream)].filter((earlier) => earlier !== undefined);
    lastOnStream.set(stream, place);
    const edges = { ends, notify: polled };
    if (blocksHost(operation)) polled = place;
    return edges;
  });
}

/** @returns places so that each comes behind all it waits for, which launch order alone does not give across streams. */
function inOrder(edges: readonly Edges[]): number[] {
  const missing = edges.map(({ ends, notify }) => ends.length + (notify === undefined ? 0 : 1));
  const followers = edges.map((): number[] => []);
  edges.forEach(({ ends, notify }, place) => {
    for (const earlier of ends) followers[earlier].push(place);
    if (notify !== undefined) followers[notify].push(place);
  });
  const order = missing.flatMap((count, place) => (count === 0 ? [place] : []));
  for (const place of order) {
    for (const follower of followers[place]) if (--missing[follower] === 0) order.push(follower);
  }
  return order;
}

/**
 * Finds, for each collective, the compute operations that may run beside it: neither waits for the other, by streams,
 * gates and the CPU that launches them. Left out are those that wait for another collective that this one does not wait
 * for: whether they run is not known when this one starts, and asking would let two ranks wait for each other. With all
 * collectives on one stream there are none of these.
 *
 * @param operations of one role in launch order, without cycles.
 * @param blocksHost whether nothing is launched behind an operation before its notify has ended.
 * @returns ids by operation's id, ascending; empty for all but collectives.
 */
export function findBeside<T extends Row>(
  operations: readonly T[],
  blocksHost: (operation: T) => boolean,
): ReadonlyMap<number, readonly number[]> {
  if (!operations.some(({ kind }) => kind === 'collective')) return new Map(operations.map(({ id }) => [id, []]));
  const count = operations.length;
  /** What has ended before an operation starts; all by place in launch order. */
  const before = operations.map(() => new OperationSet(count));
  /** Collectives of which an operation waits for the end, or for the notify alone. */
  const waits = operations.map(() => new OperationSet(count));
  const edges = edgesOf(operations, blocksHost);
  for (const place of inOrder(edges)) {
    const { ends, notify } = edges[place];
    for (const earlier of ends) {
      before[place].add(earlier);
      before[place].addAll(before[earlier]);
      waits[place].addAll(waits[earlier]);
      if (['collective', 'wait'].includes(operations[earlier].kind)) waits[place].add(earlier);
    }
    if (notify !== undefined) {
      before[place].addAll(before[notify]);
      waits[place].addAll(waits[notify]);
      waits[place].add(notify);
    }
  }
  return new Map(
    operations.map(({ id, kind }, place) => {
      if (kind !== 'collective') return [id, []];
      const known = new OperationSet(count);
      known.addAll(before[place]);
      // Its own notify has ended when its transfer asks who runs.
      known.add(place);
      const beside = operations.flatMap((other, otherPlace) => {
        const isFree = !before[place].has(otherPlace) && !before[otherPlace].has(place);
        return other.kind === 'compute' && isFree && waits[otherPlace].within(known) ? [other.id] : [];
      });
      return [id, beside];
    }),
  );
}
