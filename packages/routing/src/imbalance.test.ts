import { expect } from 'chai';
import fc from 'fast-check';
import { layerImbalance, unevennessOf } from './imbalance.js';

describe('imbalance', () => {
  it('of counts: the largest over the mean both ways, and half the mean difference of pairs over the mean', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1000), { minLength: 1, maxLength: 30 }), (counts) => {
        const total = counts.reduce((sum, count) => sum + count, 0);
        fc.pre(total > 0);
        const mean = total / counts.length;
        const pairs = counts.flatMap((a) => counts.map((b) => Math.abs(a - b)));
        const { maxOverMean, excess, meanOverMax, gini } = unevennessOf(counts);
        expect(maxOverMean).to.be.closeTo(Math.max(...counts) / mean, 1e-9);
        expect(excess).to.be.closeTo((Math.max(...counts) - mean) / mean, 1e-9);
        expect(meanOverMax).to.be.closeTo(mean / Math.max(...counts), 1e-9);
        const difference = pairs.reduce((sum, of) => sum + of, 0) / pairs.length;
        expect(gini).to.be.closeTo(difference / (2 * mean), 1e-9);
      }),
    );
  });

  it('of a layer: means over its calls, nodes by what their ranks got, and ranks without rows by name', () => {
    const call = (rows: readonly number[], expertMax: number) => ({
      ofRank: new Map(rows.map((count, i) => [i + 2, count] as const)),
      ...{ expertMax, experts: 8 },
    });
    // Ranks 2 to 5 on nodes of two: 30 + 10 and 0 + 0 of 40 rows; then 10 each.
    expect(layerImbalance(7, [call([30, 10, 0, 0], 20), call([10, 10, 10, 10], 5)], 2)).to.deep.equal({
      layer: 7,
      rankMaxOverMean: 2,
      expertMaxOverMean: 2.5,
      nodeMaxOverMean: 1.5,
      gini: 0.3125,
      emptyRanks: [4, 5],
      levels: {
        rank: { maxOverMean: 2, excess: 1, meanOverMax: 0.6667, gini: 0.3125 },
        node: { maxOverMean: 1.5, excess: 0.5, meanOverMax: 0.75, gini: 0.25 },
      },
    });
  });

  it('of nothing is none', () => {
    expect(unevennessOf([0, 0])).to.deep.equal({ maxOverMean: 1, excess: 0, meanOverMax: 1, gini: 0 });
  });
});
