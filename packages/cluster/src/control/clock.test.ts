import { expect } from 'chai';
import fc from 'fast-check';
import { clockOffsetNs } from './clock.js';

describe('the offset of a worker’s clock', () => {
  it('comes from the exchange with the shortest round trip, at its middle', () => {
    const samples = [
      { sentNs: 1000, workerNs: 9000, receivedNs: 5000 },
      { sentNs: 6000, workerNs: 12_100, receivedNs: 6200 },
      { sentNs: 7000, workerNs: 19_000, receivedNs: 9000 },
    ];
    expect(clockOffsetNs(samples)).to.equal(-6000);
    expect(clockOffsetNs([...samples].reverse())).to.equal(-6000);
  });

  it('is 0 before any exchange', () => {
    expect(clockOffsetNs([])).to.equal(0);
  });

  it('errs by at most half the shortest round trip', () => {
    const exchange = fc.tuple(fc.nat(1_000_000), fc.nat(1_000_000), fc.nat(1_000_000));
    fc.assert(
      fc.property(fc.array(exchange, { minLength: 1 }), fc.integer(), (exchanges, offsetNs) => {
        const samples = exchanges.map(([sentNs, there, back]) => ({
          sentNs,
          workerNs: sentNs + there - offsetNs,
          receivedNs: sentNs + there + back,
        }));
        const shortest = Math.min(...exchanges.map(([, there, back]) => there + back));
        expect(Math.abs(clockOffsetNs(samples) - offsetNs)).to.be.at.most(shortest / 2 + 0.5);
      }),
    );
  });
});
