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
