import { expect } from 'chai';
import fc from 'fast-check';
import { exponential, normalQuantile, normalQuantileTable, sigmoid } from './normal.js';

const CELLS = 4096;

/** Integral over hashes of a function of the quantile, by the cells of the table: exact for cubic functions. */
function expectation(of: (z: number) => number): number {
  const table = normalQuantileTable();
  let sum = 0;
  for (let i = 0; i < CELLS; i++) {
    const [a, b] = [table[i], table[i + 1]];
    sum += (of(a) + 4 * of((a + b) / 2) + of(b)) / 6;
  }
  return sum / CELLS;
}

describe('exponential', () => {
  it('agrees with Math.exp to 3e-12 where it is used, from −40 to 40', () => {
    fc.assert(
      fc.property(fc.double({ min: -40, max: 40, noNaN: true }), (x) => {
        expect(exponential(x) / Math.exp(x)).to.be.closeTo(1, 3e-12);
      }),
      { numRuns: 2000 },
    );
  });

  it('is 1 at 0', () => {
    expect(exponential(0)).to.equal(1);
  });
});

describe('normalQuantileTable', () => {
  const table = normalQuantileTable();

  it('rises strictly, from −5 to 5', () => {
    expect([table.length, table[0], table[CELLS]]).to.deep.equal([CELLS + 1, -5, 5]);
    for (let i = 0; i < CELLS; i++) expect(table[i]).to.be.below(table[i + 1]);
  });

  it('is symmetric about its middle', () => {
    for (let i = 0; i <= CELLS; i++) expect(table[i]).to.be.closeTo(-table[CELLS - i], 1e-6);
  });

  it('holds the published quantiles', () => {
    expect(table[CELLS / 2]).to.be.closeTo(0, 1e-7);
    expect(table[(CELLS * 3) / 4]).to.be.closeTo(0.6744897501960817, 1e-7);
    expect(table[(CELLS * 15) / 16]).to.be.closeTo(1.5341205443525463, 1e-7);
  });
});

describe('normalQuantile', () => {
  it('has mean 0, and variance 1 but for its tails, which run straight to ±5 and add 0.002', () => {
    expect(expectation((z) => z)).to.be.closeTo(0, 1e-6);
    const tail = normalQuantileTable()[CELLS - 1];
    const straight = (tail * tail + tail * 5 + 25) / 3 / CELLS;
    // E[z²; z > q] of a normal distribution is q·φ(q) + P(z > q).
    const normal = (tail * Math.exp((-tail * tail) / 2)) / Math.sqrt(2 * Math.PI) + 1 / CELLS;
    const excess = 2 * (straight - normal);
    expect(excess).to.be.closeTo(0.0021, 1e-4);
    expect(expectation((z) => z * z) - excess).to.be.closeTo(1, 1e-4);
  });

  it('is monotone in the hash, and runs straight between two quantiles of the table', () => {
    const WORD = fc.integer({ min: 0, max: 0xffffffff });
    fc.assert(
      fc.property(WORD, WORD, (a, b) => {
        expect(normalQuantile(Math.min(a, b))).to.be.at.most(normalQuantile(Math.max(a, b)));
      }),
    );
    const table = normalQuantileTable();
    expect(normalQuantile(0x80000000)).to.equal(table[2048]);
    expect(normalQuantile(0x80080000)).to.be.closeTo((table[2048] + table[2049]) / 2, 1e-15);
    expect(normalQuantile(0)).to.equal(-5);
    expect(normalQuantile(0xffffffff)).to.be.within(4.99, 5);
  });
});

describe('sigmoid', () => {
  it('is one half at 0 and adds up to 1 with its mirror image', () => {
    expect(sigmoid(0)).to.equal(0.5);
    for (const x of [0.1, 1, 5]) expect(sigmoid(x) + sigmoid(-x)).to.be.closeTo(1, 1e-12);
  });
});
