import { expect } from 'chai';
import { axisTicks, clampView, panView, tickLabel, viewAround, zoomView } from './view.js';

const TOTAL = 1_000_000;

describe('the view of the timeline', () => {
  it('zooms about a time that stays where it is', () => {
    expect(zoomView({ startNs: 0, endNs: 1000 }, 0.5, 250, TOTAL)).to.deep.equal({ startNs: 125, endNs: 625 });
  });

  it('stays within the whole, and no shorter than 50 ns', () => {
    expect(zoomView({ startNs: 0, endNs: TOTAL }, 2, 10, TOTAL)).to.deep.equal({ startNs: 0, endNs: TOTAL });
    expect(zoomView({ startNs: 100, endNs: 150 }, 0.1, 100, TOTAL)).to.deep.equal({ startNs: 100, endNs: 150 });
    expect(panView({ startNs: 900_000, endNs: TOTAL }, 5000, TOTAL)).to.deep.equal({ startNs: 900_000, endNs: TOTAL });
    expect(clampView({ startNs: -50, endNs: 50 }, TOTAL)).to.deep.equal({ startNs: 0, endNs: 100 });
    // A timeline shorter than the shortest view is seen whole.
    expect(clampView({ startNs: 0, endNs: 10 }, 10)).to.deep.equal({ startNs: 0, endNs: 10 });
  });

  it('puts a piece in the middle fifth', () => {
    expect(viewAround(1000, 1100, TOTAL)).to.deep.equal({ startNs: 800, endNs: 1300 });
  });

  it('has round ticks with the digits that their step needs', () => {
    const { stepNs, ticks } = axisTicks({ startNs: 1_230_000, endNs: 1_310_000 }, 5);
    expect(stepNs).to.equal(20_000);
    expect(ticks.map((ns) => tickLabel(ns, stepNs, 1_310_000))).to.deep.equal([
      '1.24 ms',
      '1.26 ms',
      '1.28 ms',
      '1.30 ms',
    ]);
    expect(tickLabel(500, 100, 900)).to.equal('500 ns');
    expect(tickLabel(2e9, 1e9, 5e9)).to.equal('2 s');
  });
});
