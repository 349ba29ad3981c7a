import { expect } from 'chai';
import { walkPath, type PathColumns } from './path-line.js';

function pathOf(pieces: readonly (readonly [track: number, startNs: number, endNs: number])[]): PathColumns {
  const column = (at: 0 | 1 | 2): Float64Array => Float64Array.from(pieces, (piece) => piece[at]);
  return { track: column(0), startNs: column(1), endNs: column(2) };
}

function points(path: PathColumns, startNs: number, endNs: number, widthPx: number): [number, number][] {
  const visited: [number, number][] = [];
  walkPath(
    path,
    { startNs, endNs, widthPx },
    (track) => track * 10,
    (x, y) => visited.push([x, y]),
  );
  return visited;
}

describe('the line of the critical path', () => {
  it('runs along each piece and on to the next, from beyond the left edge to beyond the right', () => {
    const path = pathOf([
      [5, 0, 10],
      [0, 10, 100],
      [1, 120, 180],
      [2, 190, 300],
      [3, 300, 400],
    ]);
    expect(points(path, 110, 210, 100)).to.deep.equal([
      [-10, 0],
      [10, 10],
      [70, 10],
      [80, 20],
      [110, 20],
    ]);
  });

  it('visits at most four points a pixel, the outermost in height among them', () => {
    const path = pathOf(Array.from({ length: 10_000 }, (_, i) => [(i * 7) % 101, i, i + 1]));
    const visited = points(path, 0, 10_000, 50);
    expect(visited.length).to.be.at.most(4 * 51);
    expect(Math.max(...visited.map(([, y]) => y))).to.equal(1000);
    expect(visited.every(([x], i) => i === 0 || x >= visited[i - 1][0])).to.equal(true);
  });
});
