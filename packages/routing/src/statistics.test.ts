import { expect } from 'chai';
import { nodesPerToken, ranksPerToken, rowsPerExpert, rowsPerRank } from './statistics.js';
import type { RouterShape } from '@epemu/core';

/** 8 experts, 2 a rank, 2 ranks a node. */
const shape: RouterShape = {
  experts: 8,
  topK: 2,
  groups: 1,
  topGroups: 1,
  groupScoreExperts: 2,
  ranks: 4,
  rankSize: 2,
  nodeSize: 2,
};
/** Same rank; same node; two nodes. */
const expertIds = Uint16Array.of(0, 1, 4, 7, 1, 6);

describe('routing statistics', () => {
  it('counts a rank and a node once a token', () => {
    expect(ranksPerToken(expertIds, 3, shape)).to.be.closeTo(5 / 3, 1e-12);
    expect(nodesPerToken(expertIds, 3, shape)).to.be.closeTo(4 / 3, 1e-12);
    expect(nodesPerToken(expertIds, 0, shape)).to.equal(0);
  });

  it('counts rows once an expert', () => {
    expect(Array.from(rowsPerExpert(expertIds, 6, 8))).to.deep.equal([1, 2, 0, 0, 1, 0, 1, 1]);
    expect(Array.from(rowsPerRank(expertIds, 6, shape))).to.deep.equal([3, 0, 1, 2]);
  });
});
