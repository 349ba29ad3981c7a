import { expect } from 'chai';
import { layOut, trackBelow } from './layout.js';

const tracks = ['rank 0', 'rank 0', 'rank 1'].map((group) => ({ group, name: 'row', role: 'computation' as const }));
const layout = layOut(
  tracks,
  (track) => track !== 0,
  (track) => track !== 1,
);

describe('the layout of the timeline', () => {
  it('gives a row the strips that it has, and parts groups', () => {
    expect(
      layout.rows.map(({ top, phaseHeight, kernelHeight, bottom }) => [top, phaseHeight, kernelHeight, bottom]),
    ).to.deep.equal([
      [0, 0, 18, 22],
      [27, 14, 0, 45],
      [59, 14, 18, 95],
    ]);
    expect(layout.groups).to.deep.equal([
      { label: 'rank 0', top: 0, bottom: 50 },
      { label: 'rank 1', top: 59, bottom: 100 },
    ]);
    expect(layout.height).to.equal(100);
  });

  it('finds the row at a height', () => {
    expect([0, 21, 22, 44, 45, 94, 95].map((y) => trackBelow(layout, y))).to.deep.equal([0, 0, 1, 1, 2, 2, 3]);
  });
});
