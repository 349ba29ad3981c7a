import { expect } from 'chai';
import fc from 'fast-check';
import { plainFunction, randomValues, weightsOf } from './fixtures.test.js';
import { Kernel } from './kernel.js';
import { WeightCache } from './weight-cache.js';
import { INNER } from './weights.js';
import type { WeightKey } from './tasks.js';

const widths = fc.integer({ min: 1, max: 9 }).map((sixteenths) => 16 * sixteenths);
const keys: fc.Arbitrary<WeightKey> = fc.record({
  seed: fc.nat(),
  layer: fc.nat({ max: 60 }),
  kind: fc.constantFrom('expert', 'shared', 'attention', 'dense'),
  index: fc.nat({ max: 255 }),
});

/** out[r] = Σ_k matrix[r][k] · vector[k], every operation rounded to float32, ascending k: what the kernel promises. */
function product32(matrix: Float32Array, rows: number, vector: Float32Array): Float32Array {
  return Float32Array.from({ length: rows }, (_, r) =>
    vector.reduce((sum, value, k) => Math.fround(sum + Math.fround(value * matrix[r * vector.length + k])), 0),
  );
}

function transposed(matrix: Float32Array, rows: number): Float32Array {
  const columns = matrix.length / rows;
  return Float32Array.from(matrix, (_, i) => matrix[(i % rows) * columns + Math.floor(i / rows)]);
}

describe('the WebAssembly kernel', () => {
  it('computes forward and backward to the bit as plain float32 JavaScript does, even and odd row counts', () => {
    fc.assert(
      fc.property(keys, widths, fc.integer({ min: 1, max: 5 }), fc.nat(), (key, hidden, rows, seed) => {
        const kernel = new Kernel(hidden);
        const weights = new WeightCache(hidden).get(key);
        const { w1, w2 } = weightsOf(key, hidden);
        const x = randomValues(rows * hidden, seed);
        const g = randomValues(rows * hidden, seed + 1);
        kernel.x.set(x);
        kernel.g.set(g);
        kernel.useForward(weights);
        kernel.forward(rows);
        const y = kernel.y.slice(0, rows * hidden);
        kernel.useBackward(weights);
        const dot = new Float64Array(rows);
        kernel.backward(rows, dot);
        for (let row = 0; row < rows; row++) {
          const a = product32(w1, INNER, x.subarray(row * hidden, (row + 1) * hidden));
          const h = a.map((value) => Math.fround(value / Math.fround(1 + Math.abs(value))));
          expect(y.subarray(row * hidden, (row + 1) * hidden)).to.deep.equal(product32(w2, hidden, h));
          const gh = product32(transposed(w2, hidden), INNER, g.subarray(row * hidden, (row + 1) * hidden));
          expect(dot[row]).to.equal(h.reduce((sum, value, j) => sum + value * gh[j], 0));
          const ga = gh.map((value, j) => {
            const d = Math.fround(1 + Math.abs(a[j]));
            return Math.fround(value / Math.fround(d * d));
          });
          const dx = product32(transposed(w1, INNER), hidden, ga);
          expect(kernel.y.slice(row * hidden, (row + 1) * hidden)).to.deep.equal(dx);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('has the gradient that finite differences of its function have', () => {
    fc.assert(
      fc.property(keys, fc.nat(), (key, seed) => {
        const hidden = 16;
        const kernel = new Kernel(hidden);
        const x = randomValues(hidden, seed);
        const g = randomValues(hidden, seed + 1);
        kernel.x.set(x);
        kernel.g.set(g);
        kernel.useBackward(new WeightCache(hidden).get(key));
        kernel.backward(1);
        const loss = (input: readonly number[]): number =>
          plainFunction(key, input).reduce((sum, value, i) => sum + value * g[i], 0);
        for (let i = 0; i < hidden; i++) {
          // Far above the rounding of float64, far below where softsign's kink in the second derivative shows.
          const step = 1e-6;
          const shifted = (by: number): number[] => Array.from(x, (value, k) => (k === i ? value + by : value));
          const slope = (loss(shifted(step)) - loss(shifted(-step))) / (2 * step);
          expect(kernel.y[i]).to.be.closeTo(slope, 1e-5);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('differs between any two functions', () => {
    const outputs = (['expert', 'shared', 'attention', 'dense'] as const).flatMap((kind) =>
      [0, 1].flatMap((index) => [0, 1].map((layer) => weightsOf({ seed: 1, layer, kind, index }, 16).w1.join())),
    );
    expect(new Set(outputs).size).to.equal(outputs.length);
  });

  it('holds a block of a few hundred narrow rows or sixteen of full width', () => {
    expect(new Kernel(16).blockRows).to.equal(256);
    expect(new Kernel(7168).blockRows).to.equal(16);
  });
});

describe('WeightCache', () => {
  it('forgets the function used longest ago when its bytes are spent', () => {
    const cache = new WeightCache(16, 3 * 4096);
    const key = (index: number): WeightKey => ({ seed: 1, layer: 0, kind: 'expert', index });
    const first = cache.get(key(0));
    cache.get(key(1));
    cache.get(key(2));
    expect(cache.get(key(0))).to.equal(first);
    const second = cache.get(key(1));
    cache.get(key(3));
    expect(cache.size).to.equal(3);
    expect(cache.get(key(1))).to.equal(second);
    expect(cache.get(key(2))).to.deep.equal(new WeightCache(16).get(key(2)));
  });
});
