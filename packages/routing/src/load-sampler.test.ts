import { expect } from 'chai';
import fc from 'fast-check';
import { hash32 } from '@epemu/core';
import type { RouterShape } from '@epemu/core';
import { route, v3Shape } from './fixtures.test.js';
import { inclusionOf } from './inclusion.js';
import type { RoutingRequest } from './shape.js';
import { nodesPerToken, ranksPerToken, rowsPerExpert } from './statistics.js';

/** A router with any limits, and loads of which enough are above 0. */
const cases = fc
  .record({
    groups: fc.integer({ min: 1, max: 6 }),
    groupSize: fc.integer({ min: 1, max: 9 }),
    topGroups: fc.integer({ min: 1, max: 6 }),
    topK: fc.integer({ min: 1, max: 16 }),
    loads: fc.array(fc.constantFrom(0, 1e-12, 0.5, 1, 3, 40, 1e9), { minLength: 54, maxLength: 54 }),
  })
  .map(({ groups, groupSize, topGroups, topK: wanted, loads }) => {
    const kept = Math.min(groups, topGroups);
    const experts = groups * groupSize;
    const topK = Math.min(wanted, kept * groupSize);
    const shape: RouterShape = {
      ...{ experts, topK, groups, topGroups: kept, groupScoreExperts: 1 },
      ...{ ranks: 1, rankSize: experts, nodeSize: 1 },
    };
    return { shape, loads: loads.slice(0, experts).map((load, i) => (i < topK ? load + 1 : load)) };
  });

const request = (shape: RouterShape, loads: readonly number[], tokens: number): RoutingRequest => ({
  ...{ kind: 'measured', seed: 5, layer: 2, microBatch: 0, rank: 0, tokens, shape, loads },
});

/** A Zipf law of 256 loads, the hottest expert last. */
const ZIPF = Array.from({ length: 256 }, (_, expert) => 1 / (256 - expert));

describe('routing by loads', () => {
  it('sends a token to topK distinct experts of topGroups groups at most, whatever the loads', () => {
    fc.assert(
      fc.property(cases, ({ shape, loads }) => {
        const { topK, topGroups, experts, groups } = shape;
        const { expertIds, weights } = route(request(shape, loads, 20));
        for (let row = 0; row < expertIds.length; row += topK) {
          const ids = Array.from(expertIds.subarray(row, row + topK));
          expect(new Set(ids).size).to.equal(topK);
          expect(Math.max(...ids)).to.be.below(experts);
          expect(new Set(ids.map((id) => Math.floor(id / (experts / groups)))).size).to.be.at.most(topGroups);
          const sum = weights.subarray(row, row + topK).reduce((total, weight) => total + weight, 0);
          expect(sum).to.be.closeTo(1, 1e-5);
        }
      }),
    );
  });

  for (const [what, shape] of [
    ['four of eight groups', v3Shape(64)],
    ['one group', { ...v3Shape(64), groups: 1, topGroups: 1 }],
    ['top-1', { ...v3Shape(64), groups: 1, topGroups: 1, topK: 1 }],
    ['top-16 of two groups', { ...v3Shape(64), groups: 4, topGroups: 2, topK: 16 }],
  ] as const) {
    it(`gives each expert its share of the rows: ${what}`, () => {
      const tokens = 8192;
      const { expertIds } = route(request(shape, ZIPF, tokens));
      const rows = rowsPerExpert(expertIds, expertIds.length, 256);
      inclusionOf(ZIPF, shape.topK).forEach((chance, expert) => {
        // Five standard deviations of as many independent draws.
        const noise = 5 * Math.sqrt(tokens * chance * (1 - chance)) + 1;
        expect(rows[expert], `expert ${expert}`).to.be.closeTo(tokens * chance, noise);
      });
    });
  }

  it('never sends a row to an expert without load while others have some', () => {
    const loads = ZIPF.map((load, expert) => (expert % 3 === 0 ? 0 : load));
    const { expertIds } = route(request(v3Shape(64), loads, 2000));
    expect(expertIds.filter((expert) => expert % 3 === 0)).to.have.length(0);
  });

  it('sends every token to an expert that is wanted more often than there are tokens, and no token twice', () => {
    const loads = new Array<number>(256).fill(1);
    loads[17] = 1e6;
    const { expertIds } = route(request({ ...v3Shape(64), groups: 1, topGroups: 1 }, loads, 500));
    expect(rowsPerExpert(expertIds, expertIds.length, 256)[17]).to.equal(500);
  });

  it('visits as many nodes and ranks with equal loads as independent scores do, within 2 %', () => {
    const even = new Array<number>(256).fill(1);
    for (const ranks of [32, 64]) {
      const shape = v3Shape(ranks);
      const byLoad = route(request(shape, even, 8192)).expertIds;
      const byScore = route({ ...request(shape, even, 8192), kind: 'statistical' }).expertIds;
      expect(nodesPerToken(byLoad, 8192, shape) / nodesPerToken(byScore, 8192, shape)).to.be.closeTo(1, 0.02);
      expect(ranksPerToken(byLoad, 8192, shape) / ranksPerToken(byScore, 8192, shape)).to.be.closeTo(1, 0.02);
    }
  });

  it('decides a token alone, and alike on every machine', () => {
    const shape = v3Shape(64);
    const { expertIds } = route(request(shape, ZIPF, 64));
    expect(route(request(shape, ZIPF, 100)).expertIds.subarray(0, 512)).to.deep.equal(expertIds);
    expect(hash32(...expertIds)).to.equal(4055871067);
  });

  it('refuses loads that are missing, too few or no numbers', () => {
    const shape = v3Shape(64);
    expect(() => route({ ...request(shape, [], 1) })).to.throw('measured needs the loads of 256 experts');
    expect(() => route(request(shape, ZIPF.with(3, -1), 1))).to.throw('a load is -1');
    expect(() => route(request(shape, ZIPF.with(3, NaN), 1))).to.throw('a load is NaN');
  });
});
