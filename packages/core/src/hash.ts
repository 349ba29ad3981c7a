/**
 * Counter-based random numbers: every draw is a pure function of integers (seed, layer, token, …), never of a
 * generator shared between draws, so that the order of drawing cannot matter.
 */

/** Bijective 32-bit mix: the finaliser of MurmurHash3 (Appleby, public domain). @returns an unsigned 32-bit integer. */
export function mix32(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Weyl increment (2^32 / golden ratio): keeps neighbouring keys far apart before they are mixed. */
export const GOLDEN = 0x9e3779b9;

/** Hashes a tuple of integers; order matters. @returns an unsigned 32-bit integer. */
export function hash32(...values: readonly number[]): number {
  let h = 0x243f6a88;
  for (const value of values) {
    // The upper half counts too: seeds may exceed 32 bits.
    h = mix32(h ^ (value | 0)) + GOLDEN;
    const upper = Math.floor(value / 0x100000000);
    if (upper !== 0 && upper !== -1) h = mix32(h ^ (upper | 0)) + GOLDEN;
  }
  return mix32(h);
}

/** @returns a number in (0, 1), from a 32-bit hash: never 0 or 1, so that it may enter a quantile function. */
export function unitInterval(hash: number): number {
  return ((hash >>> 0) + 0.5) / 0x100000000;
}
