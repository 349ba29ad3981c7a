import { expect } from 'chai';
import fc from 'fast-check';
import { ExpertPlacement } from './placement.js';
import { balanceExperts } from './plan.js';

const call = { seed: 3, layer: 1, microBatch: 2, rank: 5 };

describe('replicas of experts', () => {
  it('get tokens that chose the expert, each by a hash of itself alone', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(1000), { minLength: 16, maxLength: 16 }),
        fc.integer({ min: 0, max: 4 }),
        fc.array(fc.uniqueArray(fc.nat(15), { minLength: 4, maxLength: 4 }), { minLength: 1, maxLength: 20 }),
        (loads, more, chosen) => {
          const placement = new ExpertPlacement(
            balanceExperts(loads, { replicas: 16 + 4 * more, groups: 1, nodes: 1, gpus: 4 }),
          );
          const expertIds = Uint16Array.from(chosen.flat());
          const placeIds = new Uint16Array(expertIds.length);
          placement.spread({ ...call, tokens: chosen.length, topK: 4 }, expertIds, placeIds);
          expect(Array.from(placeIds, (place) => placement.expertAt(place))).to.deep.equal([...expertIds]);
          // What other tokens there are changes nothing.
          const first = new Uint16Array(4);
          placement.spread({ ...call, tokens: 1, topK: 4 }, expertIds.subarray(0, 4), first);
          expect([...first]).to.deep.equal([...placeIds.subarray(0, 4)]);
        },
      ),
    );
  });

  it('share the rows of their expert evenly, and otherwise for another rank, layer or micro-batch', () => {
    const placement = new ExpertPlacement(balanceExperts([9, 1, 1, 1], { replicas: 6, groups: 1, nodes: 1, gpus: 3 }));
    expect(placement.plan.replicaCount).to.deep.equal([3, 1, 1, 1]);
    const tokens = 30_000;
    const placesFor = (of: Partial<typeof call>): Uint16Array => {
      const placeIds = new Uint16Array(tokens);
      placement.spread({ ...call, ...of, tokens, topK: 1 }, new Uint16Array(tokens), placeIds);
      return placeIds;
    };
    const places = placesFor({});
    for (const place of placement.plan.logicalToPhysical[0]) {
      expect(places.filter((of) => of === place).length / tokens).to.be.closeTo(1 / 3, 0.01);
    }
    for (const of of [{ rank: 6 }, { layer: 2 }, { microBatch: 3 }, { seed: 4 }]) {
      const others = placesFor(of);
      expect(others.filter((place, i) => place === places[i]).length / tokens).to.be.closeTo(1 / 3, 0.02);
    }
  });
});
