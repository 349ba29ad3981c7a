import { InvariantError } from '@epemu/core';
import { expect } from 'chai';
import fc from 'fast-check';
import { timeComputePhase } from './compute-phase.js';
import type { PhaseKernelTiming } from './compute-phase.js';

type Row = readonly [stream: number, soloNs: number, after?: number | undefined];

/** Times kernels given as stream, solo time and (where it waits) the index of another. */
function timed(kernels: readonly Row[], startNs = 1000, gapNs = 10): number[][] {
  const timings = kernels.map(([stream, soloNs, after]): PhaseKernelTiming => ({ stream, soloNs, after }));
  return timeComputePhase(timings, startNs, gapNs).map(({ startNs: start, endNs }) => [start, endNs]);
}

describe('timeComputePhase', () => {
  it('runs the kernels of one stream one after the other, a gap between them', () => {
    expect(
      timed([
        [7, 100],
        [7, 50],
        [7, 1],
      ]),
    ).to.deep.equal([
      [1000, 1100],
      [1110, 1160],
      [1170, 1171],
    ]);
  });

  it('lets a pair of streams take the sum of the solo times: 319 and 319 take 638', () => {
    // Both may start with the phase; the second finds the SMs held until 1319 and does all of its work behind that.
    expect(
      timed([
        [7, 319],
        [23, 319],
      ]),
    ).to.deep.equal([
      [1000, 1319],
      [1000, 1638],
    ]);
  });

  it('forks a second stream behind a kernel of the first', () => {
    // Kernel 1 (stream 7) and kernel 2 (stream 23, behind kernel 0) both become ready at 1110; the lower index is first.
    expect(
      timed([
        [7, 100],
        [7, 50],
        [23, 70, 0],
      ]),
    ).to.deep.equal([
      [1000, 1100],
      [1110, 1160],
      [1110, 1230],
    ]);
  });

  it('joins the second stream into the first: the kernel waits for both', () => {
    expect(
      timed([
        [7, 100],
        [23, 200, 0],
        [7, 50, 1],
      ]),
    ).to.deep.equal([
      [1000, 1100],
      [1110, 1310],
      [1320, 1370],
    ]);
  });

  it('delays a kernel on the first stream that becomes ready while the second holds the SMs', () => {
    // Kernel 1 is there from 1000 on, does its work behind kernel 0 and ends at 1100 + 300; kernel 2 is ready at 1110.
    expect(
      timed([
        [7, 100],
        [23, 300],
        [7, 50],
      ]),
    ).to.deep.equal([
      [1000, 1100],
      [1000, 1400],
      [1110, 1450],
    ]);
  });

  it('counts a wait for the own predecessor, or for an earlier kernel of the own stream, once', () => {
    const plain = timed([
      [7, 100],
      [7, 50],
      [7, 20],
    ]);
    expect(
      timed([
        [7, 100],
        [7, 50, 0],
        [7, 20, 0],
      ]),
    ).to.deep.equal(plain);
  });

  it('never lets two streams do more work than the GPU has: busy time is at least the sum of solo times', () => {
    const kernel = fc.tuple(fc.constantFrom(7, 23), fc.integer({ min: 1, max: 1000 }), fc.option(fc.nat(10)));
    fc.assert(
      fc.property(fc.array(kernel, { minLength: 1, maxLength: 8 }), fc.nat(20), (kernels, gapNs) => {
        const rows = kernels.map(([stream, soloNs, after], index): Row => [
          index === 0 ? 7 : stream,
          soloNs,
          after === null || index === 0 ? undefined : after % index,
        ]);
        const intervals = timed(rows, 0, gapNs);
        const end = Math.max(...intervals.map(([, last]) => last));
        expect(end).to.be.at.least(rows.reduce((sum, [, soloNs]) => sum + soloNs, 0));
        rows.forEach(([, soloNs, after], index) => {
          const [startNs, endNs] = intervals[index];
          expect(endNs - startNs).to.be.at.least(soloNs);
          if (after !== undefined) expect(startNs).to.be.at.least(intervals[after][1] + gapNs);
        });
      }),
    );
  });

  it('refuses kernels that wait for each other', () => {
    const circle = [
      [7, 1, 1],
      [23, 1, 0],
    ] as const;
    expect(() => timed(circle)).to.throw(InvariantError, 'a kernel waits for one that');
  });
});
