import { InvariantError } from './errors.js';

/**
 * Sorts integer keys lexicographically and throws on a tie: two things that virtual time cannot tell apart would be
 * served in whatever order they came, which is host order.
 *
 * @param count how many items there are.
 * @param keys key columns, the most significant first; each is indexed by item.
 * @returns the items' indices in ascending order.
 * @throws InvariantError when two items agree in every key.
 */
export function totalOrder(count: number, ...keys: readonly ArrayLike<number>[]): Uint32Array {
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[i] = i;
  order.sort((a, b) => {
    for (const key of keys) {
      const difference = key[a] - key[b];
      if (difference !== 0) return difference;
    }
    if (a === b) return 0;
    throw new InvariantError(
      `two items tie in a total order: keys ${keys.map((key) => String(key[a])).join(', ')} (items ${a} and ${b})`,
    );
  });
  return order;
}

/** Values of a digit: rarely are there more streams, ports or operations than one digit counts. */
const DIGIT = 2048;

/**
 * Sorts lexicographically by keys that are integers; items that agree in all of them keep their order. It counts digits
 * instead of comparing: the cost is linear, and next to nothing for a key that is in order already.
 *
 * @param count how many items there are.
 * @param keys key columns, the most significant first; each is indexed by item.
 * @returns the items' indices in ascending order.
 */
export function stableOrder(count: number, keys: readonly ArrayLike<number>[]): Uint32Array {
  let order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[i] = i;
  let next = new Uint32Array(count);
  const ends = new Uint32Array(DIGIT + 1);
  for (const key of keys.toReversed()) {
    const { minimum, range } = rangeAlong(order, key);
    for (let unit = 1; unit <= range; unit *= DIGIT) {
      ends.fill(0);
      for (const i of order) ends[(Math.floor((key[i] - minimum) / unit) % DIGIT) + 1]++;
      for (let digit = 0; digit < DIGIT; digit++) ends[digit + 1] += ends[digit];
      for (const i of order) next[ends[Math.floor((key[i] - minimum) / unit) % DIGIT]++] = i;
      [order, next] = [next, order];
    }
  }
  return order;
}

/** @returns the least of the keys, and how far the greatest is above it; 0 where they ascend along the order already. */
function rangeAlong(order: Uint32Array, key: ArrayLike<number>): { minimum: number; range: number } {
  let minimum = Number.POSITIVE_INFINITY;
  let maximum = Number.NEGATIVE_INFINITY;
  let ascending = true;
  for (const i of order) {
    const value = key[i];
    ascending &&= value >= maximum;
    if (value < minimum) minimum = value;
    if (value > maximum) maximum = value;
  }
  return { minimum, range: ascending ? 0 : maximum - minimum };
}
