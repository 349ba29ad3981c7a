import { expect } from 'chai';
import { skewedLoads } from './skew.js';
import type { Skew } from './skew.js';

const ZIPF: Skew = { law: 'zipf', exponent: 0.6, range: 1000, hotLayer: null, hotExponent: 1, drift: 0 };
const at = (layer: number, step = 0): { seed: number; layer: number; step: number } => ({ seed: 7, layer, step });

/** Experts from the hottest to the coldest. */
function byHeat(loads: readonly number[]): number[] {
  return loads.map((_, expert) => expert).sort((a, b) => loads[b] - loads[a]);
}

const descending = (loads: readonly number[]): number[] => [...loads].sort((a, b) => b - a);

describe('skewed loads', () => {
  it('fall by Zipf’s law from the hottest expert on, which hashes place', () => {
    const loads = skewedLoads(ZIPF, at(3), 256);
    descending(loads).forEach((load, place) => {
      expect(load).to.be.closeTo(Math.pow(place + 1, -0.6), 1e-9);
    });
    expect(byHeat(loads)).not.to.deep.equal(byHeat(skewedLoads(ZIPF, at(4), 256)));
    expect(byHeat(loads)).not.to.deep.equal(byHeat(skewedLoads(ZIPF, { ...at(3), seed: 8 }, 256)));
  });

  it('are as many below a load as the power law says, also at an exponent of 1', () => {
    for (const exponent of [0, 0.6, 1, 1 + 1e-7, 1.2, 3]) {
      const loads = descending(skewedLoads({ ...ZIPF, law: 'power', exponent, range: 500 }, at(0), 100)).reverse();
      expect(loads[0]).to.be.at.least(1);
      expect(loads[99]).to.be.at.most(500);
      const integral = (x: number): number =>
        Math.abs(exponent - 1) < 1e-6 ? Math.log(x) : (Math.pow(x, 1 - exponent) - 1) / (1 - exponent);
      loads.forEach((load, i) => {
        expect(integral(load) / integral(500), `${exponent}`).to.be.closeTo((i + 0.5) / 100, 1e-5);
      });
    }
  });

  it('are equal with an exponent of 0', () => {
    expect(new Set(skewedLoads({ ...ZIPF, exponent: 0 }, at(0), 64))).to.deep.equal(new Set([1]));
  });

  it('stay over steps without drift, and lose a place in each of them by chance with it', () => {
    expect(skewedLoads(ZIPF, at(2, 40), 256)).to.deep.equal(skewedLoads(ZIPF, at(2), 256));
    const drifting = { ...ZIPF, drift: 0.1 };
    // Loads do not tell who keeps a place from who is pushed on; the order of those who stay does.
    const moved = (step: number): number => {
      const [before, after] = [
        byHeat(skewedLoads(drifting, at(2, step), 256)),
        byHeat(skewedLoads(drifting, at(2, step + 1), 256)),
      ];
      return 256 - longestCommon(before, after);
    };
    for (const step of [0, 5, 30]) expect(moved(step)).to.be.within(10, 45);
    expect(skewedLoads({ ...ZIPF, drift: 1 }, at(2, 1), 256)).not.to.deep.equal(skewedLoads(ZIPF, at(2), 256));
  });

  it('fall faster in the hot layer alone', () => {
    const hot = { ...ZIPF, hotLayer: 3 };
    expect(skewedLoads(hot, at(2), 256)).to.deep.equal(skewedLoads(ZIPF, at(2), 256));
    expect(skewedLoads(hot, at(3), 256)).to.deep.equal(skewedLoads({ ...ZIPF, exponent: 1 }, at(3), 256));
  });
});

/** Length of the longest common subsequence of two orders of the same experts. */
function longestCommon(first: readonly number[], second: readonly number[]): number {
  const place = new Map(second.map((expert, i) => [expert, i]));
  const ends: number[] = [];
  for (const expert of first) {
    const at = place.get(expert)!;
    const i = ends.findIndex((end) => end > at);
    if (i < 0) ends.push(at);
    else ends[i] = at;
  }
  return ends.length;
}
