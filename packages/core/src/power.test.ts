import { expect } from 'chai';
import fc from 'fast-check';
import { hash32 } from './hash.js';
import { logarithm, power } from './power.js';

describe('logarithm and power', () => {
  it('agree with Math.log over all magnitudes', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-300, max: 1e300, noNaN: true }), (x) => {
        expect(logarithm(x)).to.be.closeTo(Math.log(x), 1e-15 + 4e-16 * Math.abs(Math.log(x)));
      }),
    );
    expect(logarithm(1)).to.equal(0);
  });

  it('agree with Math.pow where loads are made of them', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1, max: 1e6, noNaN: true }),
        fc.double({ min: -10, max: 10, noNaN: true }),
        (base, exponent) => {
          expect(power(base, exponent) / Math.pow(base, exponent)).to.be.closeTo(1, 1e-11);
        },
      ),
    );
  });

  it('give the same bits on every machine', () => {
    const bits = new Float64Array(256).map((_, i) => power(i + 1, -1.2));
    expect(hash32(...new Uint32Array(bits.buffer))).to.equal(3104974140);
  });
});
