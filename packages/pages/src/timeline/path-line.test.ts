import { expect } from 'chai';
import { pathLine, type PathColumns, type PathLine } from './path-line.js';

function pathOf(pieces: readonly (readonly [track: number, startNs: number, endNs: number])[]): PathColumns {
  const column = (at: 0 | 1 | 2): Float64Array => Float64Array.from(pieces, (piece) => piece[at]);
  return { track: column(0), startNs: column(1), endNs: column(2) };
}

function lineOf(path: PathColumns, startNs: number, endNs: number, widthPx: number): PathLine {
  return pathLine(path, { startNs, endNs, widthPx });
}

describe('the line of the critical path', () => {
  it('runs along each piece, from beyond the left edge to beyond the right', () => {
    const path = pathOf([
      [5, 0, 10],
      [0, 10, 100],
      [1, 120, 180],
      [2, 190, 300],
      [3, 300, 400],
    ]);
    expect(lineOf(path, 110, 210, 100)).to.deep.equal({
      thinned: false,
      stretches: [
        { track: 0, fromX: -10, toX: -10 },
        { track: 1, fromX: 10, toX: 70 },
        { track: 2, fromX: 80, toX: 110 },
      ],
    });
  });

  it('draws pieces of less than a few pixels where most of their time is', () => {
    const path = pathOf(
      Array.from({ length: 1000 }, (_, i) => [i % 2 === 0 ? 0 : (i % 101) + 1, i * 10, i * 10 + (i % 2 === 0 ? 9 : 1)]),
    );
    const { stretches, thinned } = lineOf(path, 0, 10_000, 600);
    expect(thinned).to.equal(true);
    expect(stretches).to.have.length(1);
    expect(stretches[0].track).to.equal(0);
  });

  it('changes tracks at most once in a few pixels, however many pieces there are', () => {
    const path = pathOf(Array.from({ length: 10_000 }, (_, i) => [(i * 7) % 101, i, i + 1]));
    const { stretches } = lineOf(path, 0, 10_000, 600);
    expect(stretches.length).to.be.within(20, 101);
  });
});
