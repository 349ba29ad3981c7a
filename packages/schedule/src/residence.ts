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

type Row = Pick<Operation, 'id' | 'kind' | 'stream' | 'gates' | 'issue' | 'collective' | 'peerRole'>;

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
 * @returns whether an operation's transfer is a kernel that holds SMs from its start to its end. Background transfers and
 * those between stages hold none.
 */
export function holdsSms({ kind, collective, peerRole }: Pick<Operation, 'kind' | 'collective' | 'peerRole'>): boolean {
  return kind === 'collective' && collective?.mode !== 'pipeline' && peerRole === undefined;
}

/** Which operations come before which: by streams, gates and the CPU that launches. All by place in launch order. */
interface Before {
  /** What has ended before an operation starts. */
  readonly ended: readonly OperationSet[];
  /** Collectives of which an operation waits for the end, or for the notify alone. */
  readonly waits: readonly OperationSet[];
}

function findBefore(operations: readonly Row[], edges: readonly Edges[]): Before {
  const count = operations.length;
  const ended = operations.map(() => new OperationSet(count));
  const waits = operations.map(() => new OperationSet(count));
  for (const place of inOrder(edges)) {
    const { ends, notify } = edges[place];
    for (const earlier of ends) {
      ended[place].add(earlier);
      ended[place].addAll(ended[earlier]);
      waits[place].addAll(waits[earlier]);
      if (['collective', 'wait'].includes(operations[earlier].kind)) waits[place].add(earlier);
    }
    if (notify !== undefined) {
      ended[place].addAll(ended[notify]);
      waits[place].addAll(waits[notify]);
      waits[place].add(notify);
    }
  }
  return { ended, waits };
}

/**
 * Finds who may run beside whom: neither waits for the other, by streams, gates and the CPU that launches them. For a compute
 * operation these are all collectives whose kernels hold SMs, which slow it.
 *
 * For a collective they are the compute operations whose load it looks at. What these wait for must be settled when its
 * transfer starts, or asking would let two ranks wait for each other. So those are left out that wait for another
 * collective that this one does not wait for; those behind such an operation of another kind that may itself run beside
 * this one; and those that a third collective may slow which is neither before nor behind this one. With all collectives
 * on one stream there are none of these.
 *
 * @param operations of one role in launch order, without cycles.
 * @param blocksHost whether nothing is launched behind an operation before its notify has ended.
 * @returns ids by operation's id, ascending; empty for all but compute operations and collectives.
 */
export function findBeside<T extends Row>(
  operations: readonly T[],
  blocksHost: (operation: T) => boolean,
): ReadonlyMap<number, readonly number[]> {
  const beside = new Map(operations.map(({ id }): [number, number[]] => [id, []]));
  const collectives = operations.flatMap(({ kind }, place) => (kind === 'collective' ? [place] : []));
  if (collectives.length === 0) return beside;
  const count = operations.length;
  const edges = edgesOf(operations, blocksHost);
  const { ended, waits } = findBefore(operations, edges);
  const isFree = (one: number, other: number): boolean => !ended[one].has(other) && !ended[other].has(one);
  /** Of compute operations: the collectives that may slow it or one before it. */
  const slowers = operations.map(() => new OperationSet(count));
  operations.forEach(({ kind, id }, place) => {
    if (kind !== 'compute') return;
    for (const collective of collectives) {
      if (!holdsSms(operations[collective]) || !isFree(place, collective)) continue;
      slowers[place].add(collective);
      beside.get(id)!.push(operations[collective].id);
    }
  });
  for (const place of inOrder(edges)) for (const earlier of edges[place].ends) slowers[place].addAll(slowers[earlier]);
  const computes = new OperationSet(count);
  operations.forEach(({ kind }, place) => {
    if (kind === 'compute') computes.add(place);
  });
  for (const place of collectives) {
    const known = new OperationSet(count);
    known.addAll(ended[place]);
    // Its own notify has ended when its transfer asks who runs.
    known.add(place);
    const settled = new OperationSet(count);
    settled.addAll(known);
    settled.addAll(computes);
    const inTurn = new OperationSet(count);
    inTurn.addAll(known);
    for (const other of collectives) if (ended[other].has(place)) inTurn.add(other);
    const asked = operations.filter(({ kind }, other) => {
      if (kind !== 'compute' || !isFree(place, other)) return false;
      return waits[other].within(known) && ended[other].within(settled) && slowers[other].within(inTurn);
    });
    beside.get(operations[place].id)!.push(...asked.map(({ id }) => id));
  }
  return beside;
}
