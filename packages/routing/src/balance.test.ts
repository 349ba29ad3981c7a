import { expect } from 'chai';
import fc from 'fast-check';
import { route, v3Shape } from './fixtures.test.js';
import type { RouterShape } from '@epemu/core';
import { rowsPerExpert, rowsPerRank } from './statistics.js';

/** Dimensions in which every rank holds equally many experts and every group as well. */
const shapes = fc
  .record({
    groupPower: fc.integer({ min: 0, max: 3 }),
    sizePower: fc.integer({ min: 0, max: 3 }),
    rankPower: fc.integer({ min: 0, max: 3 }),
    topGroups: fc.integer({ min: 1, max: 8 }),
    topK: fc.integer({ min: 1, max: 8 }),
  })
  .map(({ groupPower, sizePower, rankPower, topGroups, topK }): RouterShape => {
    const groups = 2 ** groupPower;
    const experts = groups * 2 ** sizePower;
    const kept = Math.min(groups, topGroups);
    const ranks = Math.min(experts, 2 ** rankPower);
    return {
      experts,
      topK: Math.min(topK, (kept * experts) / groups),
      groups,
      topGroups: kept,
      groupScoreExperts: 2,
      ranks,
      rankSize: experts / ranks,
      nodeSize: 2,
    };
  });

function expectDistinct(expertIds: Uint16Array, topK: number): void {
  for (let row = 0; row < expertIds.length; row += topK) {
    expect(new Set(expertIds.subarray(row, row + topK)).size).to.equal(topK);
  }
}

describe('balanced routing', () => {
  it('gives every expert the same rows over all ranks, one apart where they do not divide, distinct for a token', () => {
    fc.assert(
      fc.property(shapes, fc.integer({ min: 0, max: 40 }), fc.nat(), (shape, tokens, seed) => {
        const total = new Uint32Array(shape.experts);
        for (let rank = 0; rank < shape.ranks; rank++) {
          const { expertIds } = route({ kind: 'balanced', seed, layer: 1, microBatch: 0, rank, tokens, shape });
          expectDistinct(expertIds, shape.topK);
          const rows = rowsPerExpert(expertIds, expertIds.length, shape.experts);
          expect(Math.max(...rows) - Math.min(...rows)).to.be.at.most(
            (tokens * shape.topK) % shape.experts === 0 ? 0 : 1,
          );
          rows.forEach((count, expert) => (total[expert] += count));
        }
        const divides = (shape.ranks * tokens * shape.topK) % shape.experts === 0;
        expect(Math.max(...total) - Math.min(...total)).to.be.at.most(divides ? 0 : 1);
      }),
    );
  });

  for (const { ranks, tokens } of [
    { ranks: 32, tokens: 8192 },
    { ranks: 64, tokens: 4096 },
    { ranks: 128, tokens: 128 },
  ]) {
    it(`every source rank sends every rank of EP${ranks} the same rows, within each token's four groups`, () => {
      const shape = v3Shape(ranks);
      for (const rank of [0, 1, ranks - 1]) {
        const { expertIds } = route({ kind: 'balanced', seed: 11, layer: 20, microBatch: 1, rank, tokens, shape });
        expect(new Set(rowsPerRank(expertIds, expertIds.length, shape))).to.deep.equal(new Set([(tokens * 8) / ranks]));
        expect(new Set(rowsPerExpert(expertIds, expertIds.length, 256))).to.deep.equal(new Set([(tokens * 8) / 256]));
        expectDistinct(expertIds, 8);
        for (let row = 0; row < expertIds.length; row += 8) {
          const groups = new Set(Array.from(expertIds.subarray(row, row + 8), (expert) => expert >> 5));
          expect(groups.size).to.be.at.most(4);
        }
      }
    });
  }

  it('changes few choices: 8192 tokens keep 95 % of the statistical router’s experts', () => {
    const request = { seed: 3, layer: 4, microBatch: 0, rank: 0, tokens: 8192, shape: v3Shape(32) };
    const plain = route({ ...request, kind: 'statistical' }).expertIds;
    const balanced = route({ ...request, kind: 'balanced' }).expertIds;
    let kept = 0;
    for (let row = 0; row < plain.length; row += 8) {
      const before = new Set(plain.subarray(row, row + 8));
      for (const expert of balanced.subarray(row, row + 8)) if (before.has(expert)) kept++;
    }
    expect(kept / plain.length).to.be.above(0.95);
  });

  for (const topK of [2, 4, 8]) {
    for (const groups of [1, 2]) {
      it(`8 tokens on 16 experts in ${groups} group${groups > 1 ? 's' : ''}, top-${topK}, come out even`, () => {
        const shape: RouterShape = {
          experts: 16,
          topK,
          groups,
          topGroups: 1,
          groupScoreExperts: 2,
          ranks: 4,
          rankSize: 4,
          nodeSize: 2,
        };
        for (let rank = 0; rank < 4; rank++) {
          const { expertIds } = route({ kind: 'balanced', seed: 1, layer: 0, microBatch: 0, rank, tokens: 8, shape });
          expect(new Set(rowsPerExpert(expertIds, expertIds.length, 16))).to.deep.equal(new Set([(8 * topK) / 16]));
        }
      });
    }
  }

  it('one token, fewer rows than experts: ranks take turns, and all experts get one row in the end', () => {
    const shape = v3Shape(32);
    const total = new Uint32Array(256);
    for (let rank = 0; rank < 32; rank++) {
      const { expertIds } = route({ kind: 'balanced', seed: 1, layer: 0, microBatch: 0, rank, tokens: 1, shape });
      for (const expert of expertIds) total[expert]++;
    }
    expect(new Set(total)).to.deep.equal(new Set([1]));
  });

  it('no tokens are no rows', () => {
    expect(
      route({ kind: 'balanced', seed: 1, layer: 0, microBatch: 0, rank: 0, tokens: 0, shape: v3Shape(32) }).weights,
    ).to.have.length(0);
  });
});
