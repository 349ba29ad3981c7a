import { expect } from 'chai';
import { relativeDeviation, route, v3Shape } from './fixtures.test.js';
import type { RoutingKind } from './shape.js';
import { nodesPerToken, ranksPerToken, rowsPerRank } from './statistics.js';

/** Mean nodes and ranks per token over some source ranks. */
function traffic(
  kind: RoutingKind,
  ranks: number,
  tokens: number,
  seed: number,
  sources: number,
): { nodes: number; ranks: number } {
  const shape = v3Shape(ranks);
  const total = { nodes: 0, ranks: 0 };
  for (let rank = 0; rank < sources; rank++) {
    const { expertIds } = route({ kind, seed, layer: 7, microBatch: 0, rank, tokens, shape });
    total.nodes += nodesPerToken(expertIds, tokens, shape) / sources;
    total.ranks += ranksPerToken(expertIds, tokens, shape) / sources;
  }
  return total;
}

/** Rows that each rank receives. */
function receivedRows(kind: RoutingKind, seed: number, layer: number, sources: number): Float64Array {
  const shape = v3Shape(64);
  const rows = new Float64Array(64);
  for (let rank = 0; rank < sources; rank++) {
    const { expertIds } = route({ kind, seed, layer, microBatch: 0, rank, tokens: 4096, shape });
    rowsPerRank(expertIds, expertIds.length, shape).forEach((count, i) => (rows[i] += count));
  }
  return rows;
}

/** One seed shows a figure, more of them its spread: those are for `EPEMU_TEST_LONG=1`. */
const withSeed = (seed: number): Mocha.TestFunction | Mocha.PendingTestFunction =>
  seed === 1 || process.env['EPEMU_TEST_LONG'] === '1' ? it : it.skip;

describe('published figures of the V3 router', () => {
  for (const seed of [1, 2, 3]) {
    withSeed(seed)(`a token visits 3.965 nodes at EP64, seed ${seed}`, () => {
      expect(traffic('statistical', 64, 4096, seed, 8).nodes).to.be.closeTo(3.965, 0.004);
    });

    withSeed(seed)(`a token visits 3.12 nodes and 6.84 ranks at EP32, seed ${seed}`, () => {
      const { nodes, ranks } = traffic('statistical', 32, 8192, seed, 4);
      expect(nodes).to.be.closeTo(3.12, 0.01);
      // An independent simulation with Math.random and Math.exp gives 6.857 ± 0.003.
      expect(ranks).to.be.closeTo(6.84, 0.03);
    });

    withSeed(seed)(`biased scores leave the nodes per token within 1 %, seed ${seed}`, () => {
      const plain = traffic('statistical', 64, 4096, seed, 4).nodes;
      expect(traffic('biased', 64, 4096, seed, 4).nodes / plain).to.be.closeTo(1, 0.01);
    });
  }

  for (const seed of [1, 2]) {
    withSeed(seed)(`independent scores spread the rows per rank by 0.55 % at EP64, seed ${seed}`, () => {
      expect(relativeDeviation(receivedRows('statistical', seed, 3, 64))).to.be.within(0.004, 0.0075);
    });

    withSeed(seed)(`biased scores spread the rows per rank by 8 % at EP64, seed ${seed}`, () => {
      const deviations = [0, 1, 2, 3, 4, 5].map((layer) => relativeDeviation(receivedRows('biased', seed, layer, 12)));
      const mean = deviations.reduce((sum, deviation) => sum + deviation, 0) / deviations.length;
      expect(mean).to.be.within(0.07, 0.09);
    });

    for (const { ranks, tokens, sources } of [
      { ranks: 32, tokens: 8192, sources: 3 },
      { ranks: 64, tokens: 4096, sources: 6 },
      { ranks: 128, tokens: 128, sources: 128 },
    ]) {
      withSeed(seed)(`balanced traffic stays within 2 % of statistical at EP${ranks}, seed ${seed}`, () => {
        const plain = traffic('statistical', ranks, tokens, seed, sources);
        const balanced = traffic('balanced', ranks, tokens, seed, sources);
        expect(balanced.nodes / plain.nodes).to.be.closeTo(1, 0.02);
        expect(balanced.ranks / plain.ranks).to.be.closeTo(1, 0.02);
      });
    }
  }
});
