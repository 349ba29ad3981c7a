import { InvariantError } from '@epemu/core';
import { expect } from 'chai';
import { plainFunction, randomValues } from './fixtures.test.js';
import { initialise } from './initialise.js';
import { Kernel } from './kernel.js';
import { residualBackward, residualForward } from './residual.js';
import type { WeightKey } from './tasks.js';
import { WeightCache } from './weight-cache.js';

const key: WeightKey = { seed: 4, layer: 1, kind: 'attention', index: 0 };
const hidden = 16;

describe('residual functions', () => {
  it('add the input, the function of it and the first lanes of an addend, block after block', () => {
    const count = 600;
    const input = randomValues(count * hidden, 1);
    const addend = randomValues(count * 19, 2);
    const output = new Float32Array(count * hidden);
    residualForward(new Kernel(hidden), new WeightCache(hidden), { key, input, addend, addendStride: 19, output });
    for (const token of [0, 255, 256, 599]) {
      const y = plainFunction(key, Array.from(input.subarray(token * hidden, (token + 1) * hidden)));
      y.forEach((value, i) => {
        const expected = input[token * hidden + i] + value + addend[token * 19 + i];
        expect(output[token * hidden + i]).to.be.closeTo(expected, 1e-6);
      });
    }
  });

  it('may write over their own input or gradient', () => {
    const input = randomValues(300 * hidden, 1);
    const gradient = randomValues(300 * hidden, 2);
    const output = new Float32Array(300 * hidden);
    const [kernel, cache] = [new Kernel(hidden), new WeightCache(hidden)];
    residualBackward(kernel, cache, { key, input, gradient, output });
    const inPlace = gradient.slice();
    residualBackward(kernel, cache, { key, input, gradient: inPlace, output: inPlace });
    expect(inPlace).to.deep.equal(output);
    residualForward(kernel, cache, { key, input, output });
    const overInput = input.slice();
    residualForward(kernel, cache, { key, input: overInput, output: overInput });
    expect(overInput).to.deep.equal(output);
  });

  it('have the gradient that finite differences have', () => {
    const input = randomValues(hidden, 1);
    const gradient = randomValues(hidden, 2);
    const addend = randomValues(hidden, 3);
    const output = new Float32Array(hidden);
    residualBackward(new Kernel(hidden), new WeightCache(hidden), { key, input, gradient, addend, output });
    const loss = (x: readonly number[]): number =>
      plainFunction(key, x).reduce((sum, value, i) => sum + (value + x[i]) * gradient[i], 0);
    for (let i = 0; i < hidden; i++) {
      const shifted = (by: number): number[] => Array.from(input, (value, k) => (k === i ? value + by : value));
      const slope = (loss(shifted(1e-6)) - loss(shifted(-1e-6))) / 2e-6;
      expect(output[i]).to.be.closeTo(slope + addend[i], 1e-5);
    }
  });

  it('take no tokens, and refuse arrays that do not fit', () => {
    const none = new Float32Array(0);
    const run = (length: number, output: number, addend?: number) => () => {
      residualForward(new Kernel(hidden), new WeightCache(hidden), {
        key,
        input: new Float32Array(length),
        output: new Float32Array(output),
        ...(addend === undefined ? {} : { addend: new Float32Array(addend) }),
      });
    };
    expect(run(0, 0)).not.to.throw();
    expect(run(15, 15)).to.throw(InvariantError, 'no tokens of 16');
    expect(run(16, 32)).to.throw(InvariantError, '32 outputs');
    expect(run(32, 32, 31)).to.throw(InvariantError, 'addend of 31');
    expect(() => {
      residualBackward(new Kernel(hidden), new WeightCache(hidden), {
        key,
        input: new Float32Array(16),
        gradient: none,
        output: new Float32Array(16),
      });
    }).to.throw(InvariantError, 'gradient');
  });
});

describe('initialise', () => {
  it('gives a token the same values in whatever batch it is', () => {
    const all = new Float32Array(10 * hidden);
    const some = new Float32Array(3 * hidden);
    initialise(hidden, { seed: 1, kind: 'activation', firstToken: 100, output: all });
    initialise(hidden, { seed: 1, kind: 'activation', firstToken: 104, output: some });
    expect(some).to.deep.equal(all.slice(4 * hidden, 7 * hidden));
  });

  it('spreads values over [−1, 1], other ones for gradients', () => {
    const values = new Float32Array(4096 * hidden);
    const gradients = new Float32Array(4096 * hidden);
    initialise(hidden, { seed: 1, kind: 'activation', firstToken: 0, output: values });
    initialise(hidden, { seed: 1, kind: 'gradient', firstToken: 0, output: gradients });
    const mean = (all: readonly number[]): number => all.reduce((sum, value) => sum + value, 0) / all.length;
    expect(mean(Array.from(values))).to.be.closeTo(0, 0.01);
    expect(mean(Array.from(values, (value) => value * value))).to.be.closeTo(1 / 3, 0.01);
    expect(mean(Array.from(values, (value, i) => value * gradients[i]))).to.be.closeTo(0, 0.01);
    expect(values.every((value) => Math.abs(value) <= 1)).to.equal(true);
  });

  it('refuses parts of a token', () => {
    expect(() => {
      initialise(hidden, { seed: 1, kind: 'gradient', firstToken: 0, output: new Float32Array(17) });
    }).to.throw(InvariantError);
  });
});
