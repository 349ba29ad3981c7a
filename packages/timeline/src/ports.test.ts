import { expect } from 'chai';
import fc from 'fast-check';
import { PortClock, serviceNs } from './ports.js';

describe('PortClock', () => {
  it('sends from when the segment is ready and the port is free', () => {
    const port = new PortClock();
    expect(port.serveOut(100, 50)).to.deep.equal({ startNs: 100, endNs: 150 });
    expect(port.serveOut(120, 10), 'waits for the port').to.deep.equal({ startNs: 150, endNs: 160 });
    expect(port.serveOut(500, 1), 'waits for the segment').to.deep.equal({ startNs: 500, endNs: 501 });
    expect(port.freeNs).to.equal(501);
  });

  it('receives cut-through: from the first byte on, alone in no more time than the sender took', () => {
    const port = new PortClock();
    expect(port.serveIn(100, 150, 50)).to.deep.equal({ startNs: 100, endNs: 150 });
  });

  it('is not done receiving before the last byte is there', () => {
    const port = new PortClock();
    expect(port.serveIn(100, 190, 50), 'a slower sender').to.deep.equal({ startNs: 100, endNs: 190 });
    expect(port.freeNs).to.equal(190);
  });

  it('queues what comes while it receives, and then takes its own time for it', () => {
    const port = new PortClock();
    port.serveIn(100, 150, 50);
    expect(port.serveIn(110, 160, 50)).to.deep.equal({ startNs: 150, endNs: 200 });
  });

  it('serves one at a time, in the order of the calls, no faster than its rate', () => {
    const call = fc.record({ at: fc.nat(1000), length: fc.nat(100), durationNs: fc.nat(100), out: fc.boolean() });
    fc.assert(
      fc.property(fc.array(call), (calls) => {
        const port = new PortClock();
        let freeNs = 0;
        for (const { at, length, durationNs, out } of calls) {
          const { startNs, endNs } = out ? port.serveOut(at, durationNs) : port.serveIn(at, at + length, durationNs);
          expect(startNs).to.be.at.least(Math.max(freeNs, at));
          expect(endNs - startNs).to.be.at.least(durationNs);
          expect(port.freeNs).to.equal(endNs);
          freeNs = endNs;
        }
      }),
    );
  });
});

describe('serviceNs', () => {
  it('is bytes over the rate, rounded up to whole ns', () => {
    expect([0, 1, 50, 51].map((bytes) => serviceNs(bytes, 50))).to.deep.equal([0, 1, 1, 2]);
    expect(serviceNs(512 * 7392, 43.5)).to.equal(87_005);
  });
});
