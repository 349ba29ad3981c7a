import { expect } from 'chai';
import fc from 'fast-check';
import { GOLDEN, hash32, mix32, unitInterval } from './hash.js';

const WORD = fc.integer({ min: 0, max: 0xffffffff });
const LONG = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });

/** Undoes {@link mix32}: each of its steps is invertible, by a shift again or by the inverse modulo 2^32. */
function unmix32(mixed: number): number {
  let h = mixed ^ (mixed >>> 16);
  h = Math.imul(h, 0x7ed1b41d);
  h ^= (h >>> 13) ^ (h >>> 26);
  h = Math.imul(h, 0xa5cb9243);
  return (h ^ (h >>> 16)) >>> 0;
}

describe('mix32', () => {
  it('is the finaliser of MurmurHash3', () => {
    expect([0, 1, 0xffffffff].map(mix32)).to.deep.equal([0, 0x514e28b7, 0x81f16f39]);
  });

  it('is a bijection: every word comes back from its mix', () => {
    fc.assert(
      fc.property(WORD, (word) => unmix32(mix32(word)) === word),
      { numRuns: 1000 },
    );
  });
});

describe('hash32', () => {
  it('is a word', () => {
    fc.assert(
      fc.property(fc.array(LONG), (words) => {
        const hash = hash32(...words);
        return Number.isInteger(hash) && hash >= 0 && hash <= 0xffffffff;
      }),
    );
  });

  it('depends on every value, also above 32 bits', () => {
    fc.assert(
      fc.property(fc.array(LONG, { minLength: 1, maxLength: 6 }), fc.nat(), LONG, (values, place, other) => {
        const index = place % values.length;
        fc.pre(values[index] !== other);
        expect(hash32(...values.with(index, other))).not.to.equal(hash32(...values));
      }),
    );
    expect(hash32(2 ** 32 + 7)).not.to.equal(hash32(7));
    expect(hash32(2 ** 52 + 7)).not.to.equal(hash32(2 ** 51 + 7));
  });

  it('depends on the order of the values and on how many there are', () => {
    fc.assert(
      fc.property(WORD, WORD, (a, b) => {
        fc.pre(a !== b);
        expect(hash32(a, b)).not.to.equal(hash32(b, a));
        expect(hash32(a, b)).not.to.equal(hash32(a));
      }),
    );
    expect(new Set([hash32(), hash32(0), hash32(0, 0)]).size).to.equal(3);
  });

  it('never changes: these values are in every digest', () => {
    expect([hash32(), hash32(1), hash32(1, 2, 3), hash32(2 ** 40)]).to.deep.equal([
      327_721_211, 2_740_114_710, 3_324_427_107, 536_546_153,
    ]);
  });

  it('spreads counters evenly over 16 bins', () => {
    const bins = new Array<number>(16).fill(0);
    for (let i = 0; i < 16_000; i++) bins[hash32(1, i) >>> 28]++;
    // χ² with 15 degrees of freedom is above 37.7 once in a thousand draws; this draw is always the same.
    const chiSquare = bins.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    expect(chiSquare).to.be.below(37.7);
  });
});

describe('unitInterval', () => {
  it('never reaches 0 or 1', () => {
    expect(unitInterval(0)).to.equal(2 ** -33);
    expect(unitInterval(0xffffffff)).to.equal(1 - 2 ** -33);
    expect(unitInterval(-1)).to.equal(unitInterval(0xffffffff));
  });
});

describe('GOLDEN', () => {
  it('is odd, so that its multiples visit every word', () => {
    expect(GOLDEN % 2).to.equal(1);
  });
});
