/**
 * The normal distribution by tables built with + − × ÷ alone. IEEE 754 fixes the results of these to the bit, while
 * `Math.exp` and `Math.log` may differ between engines, and a score that differs in its last bit can send a token to
 * another expert.
 */

/**
 * exp(x) by range reduction to |x| ≤ 1/100 and a Taylor series; relative error below 3e-12 for |x| ≤ 40, for the
 * twelve squarings carry the first one's rounding 4096-fold.
 */
export function exponential(x: number): number {
  const halvings = 12;
  const reduced = x / 4096;
  let term = 1;
  let sum = 1;
  for (let n = 1; n <= 8; n++) {
    term = (term * reduced) / n;
    sum += term;
  }
  for (let i = 0; i < halvings; i++) sum *= sum;
  return sum;
}

const TABLE_BITS = 12;
const TABLE_SIZE = 1 << TABLE_BITS;
/** 1/sqrt(2π). */
const DENSITY_AT_ZERO = 0.3989422804014327;

/** Quantiles of the standard normal at i / 4096, i = 0 … 4096; the ends stand for the tails beyond ±5. */
function buildQuantileTable(): Float64Array {
  const step = 1 / 4096;
  const limit = 5;
  const table = new Float64Array(TABLE_SIZE + 1);
  const density = (z: number): number => DENSITY_AT_ZERO * exponential((-z * z) / 2);
  table[0] = -limit;
  table[TABLE_SIZE] = limit;
  let z = -limit;
  // Φ(−5): what lies below the grid.
  let cumulative = 2.866515718791939e-7;
  let next = 1;
  while (next < TABLE_SIZE) {
    const mass = (step / 6) * (density(z) + 4 * density(z + step / 2) + density(z + step));
    while (next < TABLE_SIZE && cumulative + mass >= next / TABLE_SIZE) {
      table[next] = z + (step * (next / TABLE_SIZE - cumulative)) / mass;
      next++;
    }
    cumulative += mass;
    z += step;
  }
  return table;
}

let quantiles: Float64Array | undefined;

/** The quantile table itself, for inner loops; 4097 entries, see {@link normalQuantile}. */
export function normalQuantileTable(): Float64Array {
  quantiles ??= buildQuantileTable();
  return quantiles;
}

/**
 * @param hash unsigned 32-bit hash.
 * @returns a standard normal deviate, clipped at ±5; its variance is 1.002, for the table runs straight through the tails.
 */
export function normalQuantile(hash: number): number {
  const table = normalQuantileTable();
  const index = hash >>> (32 - TABLE_BITS);
  const fraction = (hash & ((1 << (32 - TABLE_BITS)) - 1)) / (1 << (32 - TABLE_BITS));
  return table[index] + fraction * (table[index + 1] - table[index]);
}

/** @returns 1 / (1 + exp(−x)), the same bits on every engine. */
export function sigmoid(x: number): number {
  return 1 / (1 + exponential(-x));
}
