import { expect } from 'chai';
import { assert, constantFrom, integer, property } from 'fast-check';
import { SMALL, randomRouting, topologyOf } from './fixtures.test-helper.js';
import { SEGMENT_TOKENS, segmentCount, segmentLength, segmentTokensFor } from './layout.js';

const topologies = constantFrom(SMALL, topologyOf(8, 8, 64), topologyOf(32, 8, 64));

describe('buildLayout', () => {
  it('sends a token once to each node, and only to nodes that hold one of its experts', () => {
    assert(
      property(topologies, integer({ min: 0, max: 1200 }), integer(), (topology, tokens, seed) => {
        const { layout, expertIds, topK } = randomRouting(topology, tokens, 4, seed, 0);
        layout.nodes.forEach((share, node) => {
          const wanted: number[] = [];
          for (let token = 0; token < tokens; token++) {
            const experts = expertIds.subarray(token * topK, (token + 1) * topK);
            if (experts.some((expert) => topology.nodeOf(topology.memberOfExpert(expert)) === node)) wanted.push(token);
          }
          expect([...share.tokens]).to.deep.equal(wanted);
        });
      }),
      { numRuns: 12 },
    );
  });

  it('fans each segment out to no more tokens than it has, and all segments to as many as the ranks need', () => {
    assert(
      property(topologies, integer({ min: 1, max: 1200 }), integer(), (topology, tokens, seed) => {
        const { layout, expertIds, topK } = randomRouting(topology, tokens, 4, seed, 0);
        const { segmentTokens } = layout;
        const wanted = new Set<string>();
        expertIds.forEach((expert, slot) =>
          wanted.add(`${Math.floor(slot / topK)}:${topology.memberOfExpert(expert)}`),
        );
        let sum = 0;
        for (const share of layout.nodes) {
          expect(share.fanOut.length).to.equal(segmentCount(share.tokens.length, segmentTokens) * topology.nodeSize);
          share.fanOut.forEach((count, i) => {
            sum += count;
            const segment = Math.floor(i / topology.nodeSize);
            expect(count).to.be.at.most(segmentLength(share.tokens.length, segment, segmentTokens));
          });
        }
        expect(sum).to.equal(wanted.size);
      }),
      { numRuns: 12 },
    );
  });

  it('counts tokens × topK rows over all experts', () => {
    const { layout } = randomRouting(SMALL, 700, 8, 3, 0);
    expect(layout.rowsOfExpert.reduce((sum, rows) => sum + rows, 0)).to.equal(700 * 8);
  });

  it('cuts messages into full segments and a last one with the rest', () => {
    expect(segmentCount(0)).to.equal(0);
    expect(segmentCount(SEGMENT_TOKENS + 1)).to.equal(2);
    expect(segmentLength(SEGMENT_TOKENS + 1, 0)).to.equal(SEGMENT_TOKENS);
    expect(segmentLength(SEGMENT_TOKENS + 1, 1)).to.equal(1);
  });

  it('cuts few tokens finer, so that forwarding goes along with sending', () => {
    expect([1, 100, 256, 2048, 4096, 65_536].map(segmentTokensFor)).to.deep.equal([16, 16, 32, 256, 512, 512]);
  });
});
