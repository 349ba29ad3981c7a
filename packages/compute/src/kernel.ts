import { readFileSync } from 'node:fs';
import { InvariantError } from '@epemu/core';
import type { WeightSet } from './weight-cache.js';
import { INNER } from './weights.js';

/** Exports of `kernel.wat`; addresses in bytes. */
interface KernelExports {
  readonly gemm: (a: number, b: number, c: number, rows: number, k: number, n: number) => void;
  readonly softsign: (a: number, h: number, count: number) => void;
  readonly softsignGradient: (a: number, g: number, count: number) => void;
}

/** What is used of it; its types come with the DOM library alone, which Node's code must not see. */
declare const WebAssembly: {
  readonly Memory: new (limits: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

/** Where `scripts/build-kernel.mjs` puts the assembled kernel: beside the built JavaScript. */
const KERNEL_URL = new URL('./kernel.wasm', import.meta.url);

const WASM_PAGE = 65536;
/** Values of the rows in flight: a block of inputs and one of outputs fit the second-level cache together. */
const BLOCK_VALUES = 65536;
const MAX_BLOCK_ROWS = 256;
const MIN_BLOCK_ROWS = 16;

let compiled: object | undefined;

/**
 * The kernel with a memory of its own, laid out for one width: the weights of one function and one block of rows.
 * Callers fill `x` (and `g`), call, and read `y` (or `dx` and `dw`).
 */
export class Kernel {
  readonly hidden: number;
  /** Rows that a block holds. */
  readonly blockRows: number;
  /** Inputs, [blockRows × hidden]. */
  readonly x: Float32Array;
  /** Gradients of the outputs, [blockRows × hidden]. */
  readonly g: Float32Array;
  /** Results, [blockRows × hidden]: F(x) of {@link forward}, Jᵀg of {@link backward}. */
  readonly y: Float32Array;
  readonly #exports: KernelExports;
  /** W1·x, softsign of it, W2ᵀ·g: [blockRows × 16] each. */
  readonly #a: Float32Array;
  readonly #h: Float32Array;
  readonly #gh: Float32Array;
  readonly #first: Float32Array;
  readonly #second: Float32Array;
  readonly #third: Float32Array;

  /** @param hidden a positive multiple of 16. @throws InvariantError when the kernel was not built. */
  constructor(hidden: number) {
    this.hidden = hidden;
    this.blockRows = Math.min(MAX_BLOCK_ROWS, Math.max(MIN_BLOCK_ROWS, Math.floor(BLOCK_VALUES / hidden)));
    const wide = this.blockRows * hidden;
    const narrow = this.blockRows * INNER;
    const matrix = INNER * hidden;
    const values = 3 * (wide + narrow + matrix);
    const pages = Math.ceil((values * Float32Array.BYTES_PER_ELEMENT) / WASM_PAGE);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    let offset = 0;
    const take = (length: number): Float32Array => {
      const view = new Float32Array(memory.buffer, offset, length);
      offset += view.byteLength;
      return view;
    };
    this.x = take(wide);
    this.g = take(wide);
    this.y = take(wide);
    this.#a = take(narrow);
    this.#h = take(narrow);
    this.#gh = take(narrow);
    this.#first = take(matrix);
    this.#second = take(matrix);
    this.#third = take(matrix);
    const instance = new WebAssembly.Instance(loadModule(), { epemu: { memory } });
    this.#exports = instance.exports as KernelExports;
  }

  /** Makes the weights current for {@link forward}. */
  useForward(weights: WeightSet): void {
    this.#first.set(weights.w1t);
    this.#second.set(weights.w2t);
  }

  /** y = W2 · softsign(W1 · x) for the first `rows` rows of the block. */
  forward(rows: number): void {
    const { gemm, softsign } = this.#exports;
    const a = this.#a.byteOffset;
    gemm(this.x.byteOffset, this.#first.byteOffset, a, rows, this.hidden, INNER);
    softsign(a, a, rows * INNER);
    gemm(a, this.#second.byteOffset, this.y.byteOffset, rows, INNER, this.hidden);
  }

  /** Makes the weights current for {@link backward}. */
  useBackward(weights: WeightSet): void {
    this.#first.set(weights.w1t);
    this.#second.set(weights.w2);
    this.#third.set(weights.w1);
  }

  /**
   * y = Jᵀ·g at x for the first `rows` rows.
   * @param dot if given, written: ⟨g, F(x)⟩ = ⟨W2ᵀ·g, softsign(W1·x)⟩ of each row.
   */
  backward(rows: number, dot?: Float64Array): void {
    const { gemm, softsign, softsignGradient } = this.#exports;
    const a = this.#a.byteOffset;
    const gh = this.#gh.byteOffset;
    gemm(this.x.byteOffset, this.#first.byteOffset, a, rows, this.hidden, INNER);
    gemm(this.g.byteOffset, this.#second.byteOffset, gh, rows, this.hidden, INNER);
    if (dot !== undefined) {
      softsign(a, this.#h.byteOffset, rows * INNER);
      this.#dotRows(rows, dot);
    }
    softsignGradient(a, gh, rows * INNER);
    gemm(gh, this.#third.byteOffset, this.y.byteOffset, rows, INNER, this.hidden);
  }

  #dotRows(rows: number, dot: Float64Array): void {
    const h = this.#h;
    const gh = this.#gh;
    for (let row = 0; row < rows; row++) {
      let sum = 0;
      for (let i = row * INNER; i < (row + 1) * INNER; i++) sum += h[i] * gh[i];
      dot[row] = sum;
    }
  }
}

function loadModule(): object {
  if (compiled === undefined) {
    let bytes: Uint8Array;
    try {
      bytes = readFileSync(KERNEL_URL);
    } catch (cause) {
      throw new InvariantError(`${KERNEL_URL.pathname} is missing; run "npm run build"`, undefined, { cause });
    }
    compiled = new WebAssembly.Module(bytes);
  }
  return compiled;
}
