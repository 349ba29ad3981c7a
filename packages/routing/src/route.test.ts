import { hash32, InvariantError } from '@epemu/core';
import { expect } from 'chai';
import fc from 'fast-check';
import { callKey, drawOf, expertBias, scoreOf, scoreTable, tokenKey } from './draws.js';
import { route, v3Shape } from './fixtures.test.js';
import { routeTokens } from './route.js';
import type { RouterShape } from '@epemu/core';
import type { RoutingRequest } from './shape.js';

/** The router as its description reads: sort everything. */
function plainRouter(shape: RouterShape, scores: readonly number[]): number[] {
  const byScore = (a: number, b: number): number => scores[b] - scores[a] || a - b;
  const size = shape.experts / shape.groups;
  const members = (group: number): number[] => Array.from({ length: size }, (_, i) => group * size + i);
  const groupScore = (group: number): number =>
    members(group)
      .sort(byScore)
      .slice(0, shape.groupScoreExperts)
      .reduce((sum, expert) => sum + scores[expert], 0);
  const groupScores = Array.from({ length: shape.groups }, (_, group) => groupScore(group));
  return Array.from({ length: shape.groups }, (_, group) => group)
    .sort((a, b) => groupScores[b] - groupScores[a] || a - b)
    .slice(0, shape.topGroups)
    .flatMap(members)
    .sort(byScore)
    .slice(0, shape.topK);
}

const shapes = fc
  .record({
    groups: fc.integer({ min: 1, max: 6 }),
    groupSize: fc.integer({ min: 1, max: 9 }),
    topGroups: fc.integer({ min: 1, max: 6 }),
    groupScoreExperts: fc.constantFrom(1, 2),
    topK: fc.integer({ min: 1, max: 8 }),
  })
  .map(({ groups, groupSize, topGroups, groupScoreExperts, topK }): RouterShape => {
    const kept = Math.min(groups, topGroups);
    const experts = groups * groupSize;
    return {
      experts,
      topK: Math.min(topK, kept * groupSize),
      groups,
      topGroups: kept,
      groupScoreExperts,
      ranks: 1,
      rankSize: experts,
      nodeSize: 1,
    };
  });

describe('routeTokens', () => {
  it('chooses the experts that sorting groups and scores chooses, with and without bias', () => {
    fc.assert(
      fc.property(shapes, fc.integer(), fc.constantFrom('statistical', 'biased'), (shape, seed, kind) => {
        const request: RoutingRequest = { kind, seed, layer: 3, microBatch: 1, rank: 2, tokens: 5, shape };
        const { expertIds, weights } = route({ ...request, biasDeviation: 0.1 });
        const bias = expertBias(seed, 3, shape.experts, 0.1);
        for (let token = 0; token < 5; token++) {
          const key = tokenKey(callKey(request), token);
          const scores = Array.from({ length: shape.experts }, (_, expert) =>
            scoreOf(scoreTable(), drawOf(key, expert)),
          );
          const judged = kind === 'biased' ? scores.map((score, expert) => score + bias[expert]) : scores;
          const expected = plainRouter(shape, judged);
          const rows = [token * shape.topK, (token + 1) * shape.topK] as const;
          expect(Array.from(expertIds.subarray(...rows))).to.deep.equal(expected);
          const sum = expected.reduce((total, expert) => total + scores[expert], 0);
          weights.subarray(...rows).forEach((weight, slot) => {
            expect(weight).to.be.closeTo(scores[expected[slot]] / sum, 1e-7);
          });
        }
      }),
    );
  });

  it('gives the same experts on every machine', () => {
    const shape = v3Shape(64);
    const digest = (kind: RoutingRequest['kind']): number =>
      hash32(...route({ kind, seed: 2 ** 40 + 7, layer: 9, microBatch: 1, rank: 5, tokens: 64, shape }).expertIds);
    expect([digest('statistical'), digest('biased'), digest('balanced')]).to.deep.equal(GOLDEN_DIGESTS);
  });

  it('decides a token alone: neither the number of tokens nor another call changes it', () => {
    const request: RoutingRequest = {
      kind: 'statistical',
      seed: 1,
      layer: 0,
      microBatch: 0,
      rank: 3,
      tokens: 8,
      shape: v3Shape(32),
    };
    const eight = route(request).expertIds;
    route({ ...request, microBatch: 1 });
    expect(route({ ...request, tokens: 100 }).expertIds.subarray(0, 64)).to.deep.equal(eight);
  });

  it('draws anew for each seed, layer, micro-batch and rank', () => {
    const request: RoutingRequest = {
      kind: 'statistical',
      seed: 1,
      layer: 0,
      microBatch: 0,
      rank: 0,
      tokens: 4,
      shape: v3Shape(32),
    };
    const variants = [
      request,
      { ...request, seed: 2 },
      { ...request, layer: 1 },
      { ...request, microBatch: 1 },
      { ...request, rank: 1 },
    ];
    expect(new Set(variants.map((variant) => route(variant).expertIds.join())).size).to.equal(5);
  });

  it('divides the scores by their sum, best slot first', () => {
    for (const kind of ['statistical', 'balanced'] as const) {
      const { weights } = route({ kind, seed: 5, layer: 1, microBatch: 0, rank: 0, tokens: 256, shape: v3Shape(32) });
      for (let row = 0; row < weights.length; row += 8) {
        const slots = Array.from(weights.subarray(row, row + 8));
        expect(slots.reduce((sum, weight) => sum + weight, 0)).to.be.closeTo(1, 1e-6);
        expect(slots).to.deep.equal([...slots].sort((a, b) => b - a));
      }
    }
  });

  it('refuses shapes that cannot be and arrays too short, naming what is wrong', () => {
    const request: RoutingRequest = {
      kind: 'statistical',
      seed: 1,
      layer: 0,
      microBatch: 0,
      rank: 0,
      tokens: 2,
      shape: v3Shape(32),
    };
    const attempt =
      (change: Partial<RouterShape>, rows = 16) =>
      () => {
        routeTokens(
          { ...request, shape: { ...request.shape, ...change } },
          new Uint16Array(rows),
          new Float32Array(rows),
        );
      };
    expect(attempt({}, 15)).to.throw(InvariantError, '16 ids');
    expect(attempt({ groups: 7 })).to.throw(InvariantError, '7 groups');
    expect(attempt({ topGroups: 9 })).to.throw(InvariantError, 'topGroups 9');
    expect(attempt({ topK: 0 })).to.throw(InvariantError, 'topK is 0');
    expect(attempt({ topGroups: 1, topK: 33 })).to.throw(InvariantError, '32 experts');
  });
});

/** Computed once; a change means that every digest of every run changes. */
const GOLDEN_DIGESTS = [3189122824, 3549583881, 2758555443];
