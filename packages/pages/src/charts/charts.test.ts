import { expect } from 'chai';
import fc from 'fast-check';
import type { LineChart } from './chart-data.js';
import { ticksOf } from './frame.js';
import { linesMarkup } from './lines.js';
import { frontier } from './scatter.js';
import { chartSection } from './section.js';

const LINES: LineChart = {
  kind: 'lines',
  title: 'layer over batch',
  xLabel: 'batch',
  xs: ['16', '32', '64'],
  series: [
    { name: 'full', values: [1, null, 3] },
    { name: '<none>', values: [2, 2, 2] },
  ],
  text: (value) => `${value} µs`,
  best: { series: 0, place: 0 },
};

describe('ticks of an axis', () => {
  it('hold all values, are round, and are few', () => {
    const value = fc.double({ min: -1e6, max: 1e9, noNaN: true });
    fc.assert(
      fc.property(value, value, (a, b) => {
        const [least, most] = [Math.min(a, b), Math.max(a, b)];
        const ticks = ticksOf(least, most);
        const slack = 1e-6 * Math.max(1, Math.abs(least), Math.abs(most));
        expect(ticks[0]).to.be.at.most(least + slack);
        expect(ticks[ticks.length - 1]).to.be.at.least(most - slack);
        expect(ticks.length).to.be.within(2, 8);
      }),
    );
  });
});

describe('charts', () => {
  it('draw a line without what is missing, mark the best, and say hostile names as text', () => {
    const { text } = linesMarkup(LINES);
    expect(text.match(/<polyline/g)).to.have.lengthOf(3);
    expect(text.match(/chart-best/g)).to.have.lengthOf(1);
    expect(text).to.include('&lt;none&gt;, batch 16: 2 µs').and.not.to.include('<none>');
  });

  it('have a legend of several lines, and none of one', () => {
    expect(chartSection([LINES]).text).to.include('chart-legend');
    expect(chartSection([{ ...LINES, series: LINES.series.slice(0, 1) }]).text).not.to.include('chart-legend');
    expect(chartSection([]).text).to.equal('');
  });

  it('have of one figure against another the points that none beats', () => {
    const point = fc.record({ x: fc.integer({ min: 0, max: 50 }), y: fc.integer({ min: 0, max: 50 }) });
    fc.assert(
      fc.property(fc.array(point, { maxLength: 30 }), (places) => {
        const points = places.map((place) => ({ ...place, label: '', allowed: true, isBest: false }));
        const edge = frontier(points);
        const isBeaten = ({ x, y }: (typeof points)[number]): boolean =>
          points.some((other) => other.x <= x && other.y >= y && (other.x < x || other.y > y));
        const unbeaten = new Set(points.filter((each) => !isBeaten(each)).map(({ x, y }) => `${x} ${y}`));
        expect(new Set(edge.map(({ x, y }) => `${x} ${y}`))).to.deep.equal(unbeaten);
      }),
    );
  });
});
