import type { WeightKey } from './tasks.js';
import { generateWeights, INNER } from './weights.js';

/**
 * One expert written out in float64 loops, for the reference: y = W2 · softsign(W1 · x) and its gradients. It shares
 * the weights with what it checks and nothing else.
 */
export class PlainExpert {
  readonly #hidden: number;
  readonly #w1: Float32Array;
  readonly #w2: Float32Array;
  readonly #x: Float64Array;
  readonly #g: Float64Array;
  readonly #a = new Float64Array(INNER);
  readonly #h = new Float64Array(INNER);
  readonly #gh = new Float64Array(INNER);
  readonly #y: Float64Array;

  constructor(hidden: number) {
    this.#hidden = hidden;
    this.#w1 = new Float32Array(INNER * hidden);
    this.#w2 = new Float32Array(INNER * hidden);
    this.#x = new Float64Array(hidden);
    this.#g = new Float64Array(hidden);
    this.#y = new Float64Array(hidden);
  }

  /** Takes on the weights of a stand-in function. */
  become(key: WeightKey): void {
    generateWeights(key, this.#hidden, this.#w1, this.#w2);
  }

  /** @param at where x begins in `inputs`. @returns y, valid until the next call. */
  forward(inputs: Float32Array | Float64Array, at: number): Float64Array {
    const hidden = this.#hidden;
    load(inputs, at, this.#x);
    product(this.#w1, INNER, hidden, this.#x, this.#a);
    for (let j = 0; j < INNER; j++) this.#h[j] = this.#a[j] / (1 + Math.abs(this.#a[j]));
    product(this.#w2, hidden, INNER, this.#h, this.#y);
    return this.#y;
  }

  /**
   * To be called after {@link forward} at the same token.
   * @param at where g begins in `gradients`.
   * @returns dot ⟨g, y⟩; scale ‖W2ᵀg‖·‖h‖, what ⟨g, y⟩ would be without cancellation; dx = Jᵀg, valid until the next
   *   call.
   */
  backward(gradients: Float32Array | Float64Array, at: number): { dot: number; scale: number; dx: Float64Array } {
    const hidden = this.#hidden;
    load(gradients, at, this.#g);
    const dot = inner(this.#g, this.#y);
    transposedProduct(this.#w2, hidden, INNER, this.#g, this.#gh);
    const scale = Math.sqrt(inner(this.#gh, this.#gh) * inner(this.#h, this.#h));
    for (let j = 0; j < INNER; j++) this.#gh[j] /= (1 + Math.abs(this.#a[j])) * (1 + Math.abs(this.#a[j]));
    transposedProduct(this.#w1, INNER, hidden, this.#gh, this.#y);
    return { dot, scale, dx: this.#y };
  }
}

function load(source: Float32Array | Float64Array, at: number, target: Float64Array): void {
  for (let i = 0; i < target.length; i++) target[i] = source[at + i];
}

function inner(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** out = matrix [rows × columns] · vector; rows even. Two sums at a time: an addition waits for the one before it. */
function product(matrix: Float32Array, rows: number, columns: number, vector: Float64Array, out: Float64Array): void {
  for (let row = 0; row < rows; row += 2) {
    const first = row * columns;
    const second = first + columns;
    let sum0 = 0;
    let sum1 = 0;
    for (let i = 0; i < columns; i++) {
      sum0 += matrix[first + i] * vector[i];
      sum1 += matrix[second + i] * vector[i];
    }
    out[row] = sum0;
    out[row + 1] = sum1;
  }
}

/** out = matrixᵀ · vector. */
function transposedProduct(
  matrix: Float32Array,
  rows: number,
  columns: number,
  vector: Float64Array,
  out: Float64Array,
): void {
  out.fill(0);
  for (let row = 0; row < rows; row++) {
    const value = vector[row];
    for (let i = 0; i < columns; i++) out[i] += matrix[row * columns + i] * value;
  }
}
