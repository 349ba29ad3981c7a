import { expect } from 'chai';
import fc from 'fast-check';
import { busyTimes } from './busy-time.js';
import type { TracedKernel } from './traced-kernel.js';

function kernel(startUs: number, durationUs: number, pid = 0): TracedKernel {
  const absent = { grid: undefined, block: undefined, bytes: undefined, correlation: undefined };
  const names = { externalId: undefined, phase: undefined, operation: undefined };
  return { name: 'k', pid, stream: 7, startUs, durationUs, ...absent, ...names };
}

function shares(kernels: readonly TracedKernel[]): number[] {
  const busy = busyTimes(kernels, [...kernels.keys()]);
  return kernels.map((_, index) => busy.get(index)!);
}

/** Time in which any of the kernels ran, µs counted one by one. */
function union(kernels: readonly TracedKernel[]): number {
  const seen = new Set<number>();
  for (const { startUs, durationUs } of kernels) for (let i = 0; i < durationUs; i++) seen.add(startUs + i);
  return seen.size;
}

describe('the time that kernels take of a GPU', () => {
  it('is their own where they run alone, and shared in equal parts where they do not', () => {
    expect(shares([kernel(0, 10), kernel(10, 10)])).to.deep.equal([10, 10]);
    expect(shares([kernel(0, 10), kernel(4, 10)])).to.deep.equal([7, 7]);
    expect(shares([kernel(0, 9), kernel(3, 3), kernel(30, 2)])).to.deep.equal([7.5, 1.5, 2]);
  });

  it('is not shared between GPUs', () => {
    expect(shares([kernel(0, 10, 0), kernel(0, 10, 1)])).to.deep.equal([10, 10]);
  });

  it('adds up to the time in which any kernel ran', () => {
    const kernels = fc.array(fc.record({ start: fc.nat(60), duration: fc.nat(20) }), { maxLength: 12 });
    fc.assert(
      fc.property(kernels, (list) => {
        // As far from zero as times since 1970 are.
        const made = list.map(({ start, duration }) => kernel(1_740_461_679_000_000 + start, duration));
        const total = shares(made).reduce((sum, us) => sum + us, 0);
        expect(total).to.be.closeTo(union(made), 1e-6);
      }),
    );
  });
});
