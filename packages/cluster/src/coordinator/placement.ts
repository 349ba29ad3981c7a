/** What a worker that has joined offers. */
export interface Offer {
  /** The same for all processes under one kernel. */
  readonly machine: string;
  readonly host: string;
  /** Ranks that it can hold. */
  readonly slots: number;
  /** Place among the processes that a launcher started, if one did. */
  readonly place: number | undefined;
}

/**
 * Gives ranks out to workers: in the order of their places where a launcher gave them any, then machine by machine and
 * host by host in the order in which their first workers joined, so that a node's ranks, which talk most to each other,
 * are close.
 * @param offers in the order of joining; their slots cover the ranks.
 * @returns for each worker that is needed, in order: the index of its offer and its ranks, ascending.
 */
export function placeRanks(offers: readonly Offer[], ranks: number): { offer: number; ranks: number[] }[] {
  const firstOf = new Map<string, number>();
  const joined = (key: string, index: number): number => {
    if (!firstOf.has(key)) firstOf.set(key, index);
    return firstOf.get(key)!;
  };
  const keys = offers.map(({ machine, host, place }, index) => [
    place ?? Number.MAX_SAFE_INTEGER,
    joined(machine, index),
    joined(`${machine} ${host}`, index),
    index,
  ]);
  const order = offers.map((_, index) => index);
  order.sort((a, b) => {
    const differing = keys[a].findIndex((key, i) => key !== keys[b][i]);
    return keys[a][differing] - keys[b][differing];
  });
  const placed: { offer: number; ranks: number[] }[] = [];
  let given = 0;
  for (const offer of order) {
    const first = given;
    given = Math.min(ranks, first + offers[offer].slots);
    if (given > first) placed.push({ offer, ranks: Array.from({ length: given - first }, (_, i) => first + i) });
  }
  return placed;
}
