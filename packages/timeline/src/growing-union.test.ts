import { expect } from 'chai';
import fc from 'fast-check';
import { GrowingUnion } from './growing-union.js';
import { clip, intersectionLength, lengthOf, mergeIntervals, subtract } from './intervals.js';
import type { Intervals } from './intervals.js';

type Pairs = readonly (readonly [number, number])[];

function merged(pairs: Pairs): Intervals {
  return mergeIntervals(
    pairs.map(([start]) => start),
    pairs.map(([, end]) => end),
  );
}

function pairsOf(intervals: Intervals): number[][] {
  return Array.from(intervals.starts, (start, i) => [start, intervals.ends[i]]);
}

const PAIRS = fc.array(fc.tuple(fc.nat(60), fc.nat(60)), { maxLength: 25 });

describe('a growing union', () => {
  it('has the length of the intervals merged at once, in whatever order they come', () => {
    fc.assert(
      fc.property(PAIRS, (pairs) => {
        const union = new GrowingUnion();
        for (const [start, end] of pairs) union.add(start, end);
        expect(union.lengthNs).to.equal(lengthOf(merged(pairs)));
      }),
    );
  });

  it('tells exactly what each interval covers that none before did', () => {
    fc.assert(
      fc.property(PAIRS, (pairs) => {
        const union = new GrowingUnion();
        pairs.forEach(([start, end], i) => {
          const told: number[][] = [];
          union.add(start, end, (from, until) => told.push([from, until]));
          expect(told).to.deep.equal(pairsOf(subtract(merged([[start, end]]), merged(pairs.slice(0, i)))));
        });
      }),
    );
  });

  it('knows how much of a span it covers', () => {
    fc.assert(
      fc.property(PAIRS, fc.nat(60), fc.nat(60), (pairs, start, end) => {
        const union = new GrowingUnion();
        for (const pair of pairs) union.add(...pair);
        const span = clip(merged([[0, 100]]), start, end);
        expect(union.within(start, end)).to.equal(intersectionLength(span, merged(pairs)));
      }),
    );
  });
});
