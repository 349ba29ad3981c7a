import { expect } from 'chai';
import fc from 'fast-check';
import {
  Coverage,
  clip,
  intersect,
  intersectionLength,
  lengthOf,
  mergeIntervals,
  subtract,
  unite,
} from './intervals.js';
import type { Intervals } from './intervals.js';

type Pairs = readonly (readonly [number, number])[];

function set(pairs: Pairs): Intervals {
  return mergeIntervals(
    pairs.map(([start]) => start),
    pairs.map(([, end]) => end),
  );
}

function pairsOf(intervals: Intervals): [number, number][] {
  return Array.from(intervals.starts, (start, i) => [start, intervals.ends[i]]);
}

/** The same set as a membership table over 0 … 39, for comparison. */
function table(pairs: Pairs): boolean[] {
  return Array.from({ length: 40 }, (_, t) => pairs.some(([start, end]) => start <= t && t < end));
}

const PAIRS = fc.array(fc.tuple(fc.nat(38), fc.nat(38)), { maxLength: 12 });

describe('intervals', () => {
  it('merge whatever order they come in, join where they touch and drop what is empty', () => {
    const merged = set([
      [30, 40],
      [0, 10],
      [10, 12],
      [5, 8],
      [20, 20],
    ]);
    expect(pairsOf(merged)).to.deep.equal([
      [0, 12],
      [30, 40],
    ]);
    expect(lengthOf(merged)).to.equal(22);
  });

  it('are subtracted also where one hole spans two of them', () => {
    const left = subtract(
      set([
        [0, 10],
        [20, 30],
        [40, 50],
      ]),
      set([
        [2, 3],
        [8, 25],
        [40, 60],
      ]),
    );
    expect(pairsOf(left)).to.deep.equal([
      [0, 2],
      [3, 8],
      [25, 30],
    ]);
  });

  it('clip to a window, and to nothing where the window is empty', () => {
    const two = set([
      [0, 10],
      [20, 30],
    ]);
    expect(pairsOf(clip(two, 5, 22))).to.deep.equal([
      [5, 10],
      [20, 22],
    ]);
    expect(pairsOf(clip(two, 9, 9))).to.deep.equal([]);
  });

  it('agree with a table of members in every operation', () => {
    fc.assert(
      fc.property(PAIRS, PAIRS, fc.nat(39), fc.nat(39), (a, b, from, to) => {
        const [inA, inB] = [table(a), table(b)];
        const same = (found: Intervals, wanted: boolean[]) => {
          const pairs = pairsOf(found);
          expect(table(pairs)).to.deep.equal(wanted);
          pairs.forEach(([start], i) => {
            if (i > 0) expect(start).to.be.greaterThan(pairs[i - 1][1]);
          });
        };
        same(set(a), inA);
        same(
          unite(set(a), set(b)),
          inA.map((is, t) => is || inB[t]),
        );
        same(
          intersect(set(a), set(b)),
          inA.map((is, t) => is && inB[t]),
        );
        same(
          subtract(set(a), set(b)),
          inA.map((is, t) => is && !inB[t]),
        );
        expect(intersectionLength(set(a), set(b))).to.equal(inA.filter((is, t) => is && inB[t]).length);
        const covered = inA.filter((is, t) => is && from <= t && t < to).length;
        expect(new Coverage(set(a)).within(from, to)).to.equal(covered);
      }),
    );
  });
});
