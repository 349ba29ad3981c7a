import { expect } from 'chai';
import fc from 'fast-check';
import { buildLanes, type Lanes } from './lanes.js';
import { drawLane, type Window } from './level-of-detail.js';

type Rectangle = readonly [x: number, width: number, kind: number, piece: number];

function rectangles(lanes: Lanes, window: Window): Rectangle[] {
  const drawn: Rectangle[] = [];
  const count = drawLane(lanes, 0, window, (...rectangle) => drawn.push(rectangle));
  expect(count).to.equal(drawn.length);
  return drawn;
}

/** Pieces one after another: gap before, length and kind of each. */
function laneOf(pieces: readonly (readonly [gap: number, length: number, kind: number])[]): Lanes {
  const columns = { track: pieces.map(() => 0), startNs: [] as number[], endNs: [] as number[] };
  let at = 0;
  for (const [gap, length] of pieces) {
    columns.startNs.push(at + gap);
    at += gap + length;
    columns.endNs.push(at);
  }
  return buildLanes(1, columns, (row) => pieces[row][2], 3);
}

describe('level of detail', () => {
  it('draws wide pieces where they are, clipped to the window', () => {
    const lanes = laneOf([
      [0, 100, 0],
      [50, 100, 1],
      [700, 500, 2],
    ]);
    expect(rectangles(lanes, { startNs: 50, endNs: 1050, widthPx: 100 })).to.deep.equal([
      [-1, 6, 0, 0],
      [10, 10, 1, 1],
      [90, 11, 2, 2],
    ]);
  });

  it('gives a pixel of narrow pieces the colour with most time, and joins pixels of one colour', () => {
    const pieces = Array.from({ length: 100 }, (_, i) => [0, i % 2 === 0 ? 1 : 3, i % 2] as const);
    expect(rectangles(laneOf(pieces), { startNs: 0, endNs: 200, widthPx: 20 })).to.deep.equal([[0, 20, 1, -1]]);
  });

  it('does not lose a wide piece that begins in a pixel of narrow ones', () => {
    const lanes = laneOf([
      [0, 1, 0],
      [0, 1, 0],
      [2, 500, 1],
    ]);
    expect(rectangles(lanes, { startNs: 0, endNs: 1000, widthPx: 125 })).to.deep.equal([
      [0, 1, 0, -1],
      [0.5, 62.5, 1, 2],
    ]);
  });

  it('covers every piece in view, with at most two rectangles a pixel', () => {
    const piece = fc.tuple(fc.nat(30), fc.integer({ min: 1, max: 40 }), fc.nat(2));
    fc.assert(
      fc.property(
        fc.array(piece, { minLength: 1 }),
        fc.nat(500),
        fc.integer({ min: 20, max: 3000 }),
        (all, start, span) => {
          const lanes = laneOf(all);
          const window = { startNs: start, endNs: start + span, widthPx: 40 };
          const drawn = rectangles(lanes, window);
          expect(drawn.length).to.be.at.most(2 * window.widthPx + 2);
          lanes.starts.forEach((from, i) => {
            if (lanes.ends[i] <= start || from >= start + span) return;
            const x = ((from - start) / span) * window.widthPx;
            const found = drawn.some(
              ([left, width]) => left <= Math.max(x, 0) + 1e-9 && left + width > Math.max(x, 0) - 1e-9,
            );
            expect(found, `piece ${i}`).to.equal(true);
          });
        },
      ),
    );
  });

  it('takes time by pixels, not by pieces', () => {
    const lanes = laneOf(Array.from({ length: 200_000 }, (_, i) => [0, 5, i % 3] as const));
    let reads = 0;
    const starts = new Proxy(lanes.starts, {
      get(target, key) {
        reads += 1;
        return Reflect.get(target, key) as unknown;
      },
    });
    rectangles({ ...lanes, starts }, { startNs: 0, endNs: 1_000_000, widthPx: 500 });
    expect(reads).to.be.below(500 * 30);
  });
});
