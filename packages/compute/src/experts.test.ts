import { InvariantError } from '@epemu/core';
import { expect } from 'chai';
import fc from 'fast-check';
import { expertBackward, expertForward } from './experts.js';
import { makeBatch, plainFunction, type Batch } from './fixtures.test.js';
import { Kernel } from './kernel.js';
import { checkBackward, checkForward } from './reference.js';
import type { NumericsResult } from './tasks.js';
import { WeightCache } from './weight-cache.js';

function forward(batch: Batch, hidden: number): NumericsResult {
  expertForward(new Kernel(hidden), new WeightCache(hidden), { ...batch, partial: batch.combined });
  return judgeForward(batch, hidden);
}

function judgeForward(batch: Batch, hidden: number): NumericsResult {
  return checkForward(hidden, { ...batch, seed: batch.keys[0].seed, layer: 2, input: batch.tokens });
}

function backward(batch: Batch, hidden: number): NumericsResult {
  expertBackward(new Kernel(hidden), new WeightCache(hidden), batch);
  return judgeBackward(batch, hidden);
}

function judgeBackward(batch: Batch, hidden: number): NumericsResult {
  const { tokens: input, partial: returned } = batch;
  return checkBackward(hidden, { ...batch, seed: batch.keys[0].seed, layer: 2, input, returned });
}

const sound = { missing: 0, duplicated: 0, wrong: 0 };

describe('experts on received tokens', () => {
  it('agree with the plain reference forward and backward, whatever the width and the number of experts', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 40 }),
        fc.constantFrom(16, 48, 160, 512),
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 0, max: 9 }),
        fc.nat({ max: 1e9 }),
        (tokens, hidden, topK, more, seed) => {
          const batch = makeBatch(tokens, hidden, topK + more, topK, seed);
          for (const result of [forward(batch, hidden), backward(batch, hidden)]) {
            expect(result).to.include({ ...sound, tokensChecked: tokens });
            expect(result.maxRelativeError).to.be.below(2e-5);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('stay within a tenth of the tolerance at the full width of 7168', () => {
    const batch = makeBatch(3, 7168, 4, 2);
    expect(forward(batch, 7168).maxRelativeError).to.be.below(1e-5);
    expect(backward(batch, 7168).maxRelativeError).to.be.below(1e-5);
  });

  it('take more rows of one expert than a block holds', () => {
    const batch = makeBatch(700, 16, 2, 2);
    expect(forward(batch, 16)).to.include(sound);
    expect(backward(batch, 16)).to.include(sound);
  });

  it('return router gradients that finite differences of ⟨g, Σ w·E(x)⟩ in w have', () => {
    const batch = makeBatch(4, 16, 6, 3);
    backward(batch, 16);
    for (let row = 0; row < 12; row++) {
      const token = Math.floor(row / 3);
      const x = Array.from(batch.tokens.subarray(token * 16, (token + 1) * 16));
      const y = plainFunction(batch.keys[batch.expertIds[row]], x);
      const slope = y.reduce((sum, value, i) => sum + value * batch.gradient[token * 16 + i], 0);
      expect(batch.partial[token * 20 + 17 + (row % 3)]).to.be.closeTo(slope, 1e-6);
    }
  });

  it('write every lane, whatever was there before', () => {
    const batch = makeBatch(5, 16, 4, 2);
    batch.combined.fill(NaN);
    batch.partial.fill(NaN);
    expect(forward(batch, 16)).to.include(sound);
    expect(backward(batch, 16)).to.include(sound);
  });

  it('refuse rows that do not fit the tokens instead of computing with nothing', () => {
    const batch = makeBatch(5, 16, 4, 2);
    const run = (change: Partial<Batch>) => () => {
      expertBackward(new Kernel(16), new WeightCache(16), { ...batch, ...change });
    };
    expect(run({ rowToken: batch.rowToken.map(() => 5) })).to.throw(InvariantError, 'token 5 of only 5');
    expect(run({ rowSlot: batch.rowSlot.map(() => 2) })).to.throw(InvariantError, 'slot 2');
    expect(run({ expertOffsets: batch.expertOffsets.slice(1) })).to.throw(InvariantError, '4 expert offsets');
    expect(run({ expertOffsets: Uint32Array.of(0, 3, 2, 9, 10) })).to.throw(InvariantError, 'ascending');
    expect(run({ partial: batch.combined })).to.throw(InvariantError, 'partial');
    expect(run({ rowWeight: batch.rowWeight.slice(1) })).to.throw(InvariantError, '9 weights');
    expect(run({ gradient: batch.gradient.slice(1) })).to.throw(InvariantError, 'gradients');
  });
});

describe('the plain reference', () => {
  const corruptions = fc.record({
    token: fc.nat({ max: 19 }),
    lane: fc.nat({ max: 15 }),
    by: fc.constantFrom(0.01, -1, NaN),
  });

  it('finds one altered value of one row, forward and backward', () => {
    fc.assert(
      fc.property(corruptions, ({ token, lane, by }) => {
        const batch = makeBatch(20, 16, 8, 2);
        forward(batch, 16);
        backward(batch, 16);
        batch.combined[token * 17 + lane] += by;
        batch.partial[token * 19 + lane] += by;
        for (const result of [judgeForward(batch, 16), judgeBackward(batch, 16)]) {
          expect(result).to.include({ tokensChecked: 20, missing: 0, duplicated: 0, wrong: 1 });
          expect(result.maxRelativeError).to.be.above(1e-4);
        }
      }),
      { numRuns: 20 },
    );
  });

  it('finds an altered router gradient', () => {
    const batch = makeBatch(20, 16, 8, 2);
    backward(batch, 16);
    batch.partial[7 * 19 + 18] += 0.01;
    expect(judgeBackward(batch, 16)).to.include({ ...sound, wrong: 1 });
  });

  it('finds a token whose row went missing, and one whose row came twice', () => {
    for (const [index, row] of [
      ['missing', 11],
      ['duplicated', 30],
    ] as const) {
      const batch = makeBatch(20, 16, 8, 2);
      // Row 11 is taken out; or row 30 is written over row 11, so that one token has three and another one.
      const moved = row === 11 ? batch.rowToken[12] : batch.rowToken[row];
      if (moved === batch.rowToken[11]) throw new Error('the rows must belong to different tokens');
      batch.rowToken[11] = moved;
      for (const result of [forward(batch, 16), backward(batch, 16)]) {
        expect(result[index]).to.equal(1);
        expect(result.wrong).to.equal(2);
      }
    }
  });

  it('finds a token sent to another expert though the counts are right', () => {
    const batch = makeBatch(20, 16, 8, 2);
    batch.keys[3] = { ...batch.keys[3], index: 4 };
    const { wrong, missing, duplicated } = forward(batch, 16);
    expect({ missing, duplicated }).to.deep.equal({ missing: 0, duplicated: 0 });
    expect(wrong).to.equal(batch.expertOffsets[4] - batch.expertOffsets[3]);
  });

  it('counts a row that is not a number as missing', () => {
    const batch = makeBatch(3, 16, 8, 2);
    batch.combined.fill(NaN);
    expect(judgeForward(batch, 16)).to.deep.equal({
      tokensChecked: 3,
      missing: 3,
      duplicated: 0,
      wrong: 3,
      maxRelativeError: Infinity,
    });
  });

  it('checks no token of none and refuses arrays that do not fit', () => {
    expect(forward(makeBatch(0, 16, 8, 2), 16)).to.deep.equal({ ...sound, tokensChecked: 0, maxRelativeError: 0 });
    const batch = makeBatch(3, 16, 8, 2);
    expect(() => judgeForward({ ...batch, combined: batch.combined.slice(1) }, 16)).to.throw(
      InvariantError,
      '50 returned',
    );
  });
});
