import { expect } from 'chai';
import fc from 'fast-check';
import { LongestSlices } from './longest-slices.js';

/** Lengths of kernels, many of them alike, as a run has them. */
function lengthsOf(count: number, seed: number): number[] {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state % 5000;
  });
}

describe('the longest slices', () => {
  it('are those that keeping all of them would give, in whatever order they come, with the limit lowered on the way', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 0, max: 8000 }), (seed, limit) => {
        const lengths = lengthsOf(60_000, seed);
        const slices = new LongestSlices(20_000);
        lengths.forEach((ns, index) => {
          slices.add(index % 7, index, ns, index, 0, -1);
          if (index === 30_000) slices.lower(Math.max(limit, 9000));
        });
        const { columns, leftOut, shortestNs } = slices.result(limit);
        const sorted = [...lengths].sort((a, b) => a - b);
        const least = limit === 0 ? Number.POSITIVE_INFINITY : sorted[sorted.length - limit] + 1;
        const expected = lengths.flatMap((ns, index) => (ns >= least ? [index] : []));
        expect(shortestNs).to.equal(least);
        expect([...columns.name].sort((a, b) => a - b)).to.deep.equal(expected);
        expect(leftOut).to.equal(lengths.length - expected.length);
      }),
      { numRuns: 10 },
    );
  });

  it('come by track, start and length', () => {
    const slices = new LongestSlices(10);
    for (const [track, startNs, ns] of [
      [1, 5, 9],
      [0, 7, 3],
      [0, 7, 8],
      [0, 2, 1],
    ])
      slices.add(track, startNs, ns, 0, 0, -1);
    const { columns, leftOut } = slices.result(10);
    expect(columns.track.map((track, row) => [track, columns.startNs[row], columns.ns[row]])).to.deep.equal([
      [0, 2, 1],
      [0, 7, 8],
      [0, 7, 3],
      [1, 5, 9],
    ]);
    expect(leftOut).to.equal(0);
  });
});
