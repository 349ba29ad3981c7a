import { generateWeights, INNER } from './weights.js';
import type { WeightKey } from './tasks.js';

/** One function's weights, each matrix as the kernel wants it on the right of a product. */
export interface WeightSet {
  /** W1 [16 × hidden]. */
  w1: Float32Array;
  /** W1ᵀ [hidden × 16]. */
  w1t: Float32Array;
  /** W2 [hidden × 16]. */
  w2: Float32Array;
  /** W2ᵀ [16 × hidden]. */
  w2t: Float32Array;
}

/** 64 MiB: all experts of a rank in every layer at the default width, 35 experts at width 7168. */
const DEFAULT_LIMIT_BYTES = 64 * 1024 * 1024;

/** Generated weights of the functions used last, at most a number of bytes of them; one per thread and width. */
export class WeightCache {
  readonly #hidden: number;
  readonly #limit: number;
  /** In order of last use: a Map keeps insertion order. */
  readonly #sets = new Map<string, WeightSet>();

  constructor(hidden: number, limitBytes = DEFAULT_LIMIT_BYTES) {
    this.#hidden = hidden;
    this.#limit = Math.max(1, Math.floor(limitBytes / (4 * INNER * hidden * Float32Array.BYTES_PER_ELEMENT)));
  }

  /** How many functions' weights are held. */
  get size(): number {
    return this.#sets.size;
  }

  /** @returns the weights of a function, generated if they are not held. */
  get(key: WeightKey): WeightSet {
    const name = `${key.seed} ${key.layer} ${key.kind} ${key.index}`;
    let set = this.#sets.get(name);
    if (set === undefined) {
      if (this.#sets.size >= this.#limit) {
        for (const oldest of this.#sets.keys()) {
          this.#sets.delete(oldest);
          break;
        }
      }
      set = makeSet(key, this.#hidden);
    } else this.#sets.delete(name);
    this.#sets.set(name, set);
    return set;
  }
}

function makeSet(key: WeightKey, hidden: number): WeightSet {
  const size = INNER * hidden;
  const w1 = new Float32Array(size);
  const w2 = new Float32Array(size);
  generateWeights(key, hidden, w1, w2);
  return { w1, w1t: transpose(w1, INNER, hidden), w2, w2t: transpose(w2, hidden, INNER) };
}

/** One of the dimensions is 16; the other is the outer loop, so that neither side leaves its cache lines. */
function transpose(matrix: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(matrix.length);
  const wide = rows <= columns;
  const outer = wide ? columns : rows;
  const inner = wide ? rows : columns;
  for (let i = 0; i < outer; i++) {
    for (let j = 0; j < inner; j++) {
      const row = wide ? j : i;
      const column = wide ? i : j;
      result[column * rows + row] = matrix[row * columns + column];
    }
  }
  return result;
}
