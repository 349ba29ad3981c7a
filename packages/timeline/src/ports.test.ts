import { expect } from 'chai';
import fc from 'fast-check';
import { PortClock, serviceTime } from './ports.js';

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
    expect(port.freeNs, 'which does not keep others waiting').to.equal(150);
  });

  it('queues what comes while it receives, and then takes as long for it as its bytes need', () => {
    const port = new PortClock();
    port.serveIn(100, 150, 50);
    expect(port.serveIn(110, 160, 40)).to.deep.equal({ startNs: 150, endNs: 190 });
  });

  it('sends what is still coming in no faster than it comes', () => {
    const port = new PortClock();
    expect(port.serveOut(100, 50, 400)).to.deep.equal({ startNs: 350, endNs: 400 });
    expect(port.serveOut(100, 50, 120), 'there long before').to.deep.equal({ startNs: 400, endNs: 450 });
  });

  it('serves one at a time, in the order of the calls, each for as long as it takes', () => {
    const call = fc.record({ at: fc.nat(1000), length: fc.nat(100), durationNs: fc.nat(100), out: fc.boolean() });
    fc.assert(
      fc.property(fc.array(call), (calls) => {
        const port = new PortClock();
        let freeNs = 0;
        for (const { at, length, durationNs, out } of calls) {
          const { startNs, endNs } = out ? port.serveOut(at, durationNs) : port.serveIn(at, at + length, durationNs);
          expect(startNs).to.be.at.least(Math.max(freeNs, at));
          expect(port.freeNs - startNs).to.equal(durationNs);
          expect(endNs).to.equal(out ? port.freeNs : Math.max(port.freeNs, at + length));
          ({ freeNs } = port);
        }
      }),
    );
  });
});

describe('serviceTime', () => {
  it('is bytes over the rate, rounded up to whole ns, behind what the peer takes', () => {
    expect([0, 1, 50, 51].map((bytes) => serviceTime(bytes, 50, 0).totalNs)).to.deep.equal([0, 1, 1, 2]);
    expect(serviceTime(512 * 7392, 43.5, 0)).to.deep.equal({ leadNs: 0, totalNs: 87_005 });
    expect(serviceTime(51, 50, 84.6)).to.deep.equal({ leadNs: 85, totalNs: 87 });
  });
});
