import { BadInputError } from '@epemu/core';
import { expect } from 'chai';
import { timeKernel, timedKinds } from './kernel.js';

function refusal(act: () => unknown): { field: string; message: string } {
  try {
    act();
  } catch (error) {
    if (error instanceof BadInputError) return { field: error.field, message: error.message };
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('a kernel alone', () => {
  for (const hardware of ['h800', 'h100', 'b200', 'h20']) {
    it(`is timed whatever its kind, with default sizes, on ${hardware}`, () => {
      for (const kind of Object.keys(timedKinds())) {
        const { us, rooflinePct, parts, bound } = timeKernel(kind, {}, hardware);
        expect(us, kind).to.be.within(0.5, 1e6);
        expect(rooflinePct, kind).to.be.within(0, 100);
        expect(
          parts.map((part) => part.bound),
          kind,
        ).to.satisfy((bounds: string[]) => bounds.includes(bound) || bound === 'launch');
      }
    });
  }

  it('has no time but that of its parts and of what launches them', () => {
    const { us, parts } = timeKernel('gemm-fp8', { m: 64, n: 7168, k: 2048 }, 'h100');
    expect(parts.map(({ kind }) => kind)).to.deep.equal(['fp8-cast', 'deep-gemm-fp8']);
    const busy = parts.reduce((sum, part) => sum + part.us, 0);
    expect(us - busy, 'two gaps of a graph').to.be.closeTo(1.8, 1e-6);
  });

  it('reads the experts that have rows: one of 32 takes a fraction of what all take', () => {
    const one = timeKernel('masked-gemm-fp8', { rowsPerExpert: [1, ...new Array<number>(31).fill(0)] }, 'h100');
    const all = timeKernel('masked-gemm-fp8', { rowsPerExpert: new Array<number>(32).fill(1) }, 'h100');
    expect(one.us).to.be.below(all.us / 8);
    expect(all.bound).to.equal('memory');
  });

  it('is bound by its operations, its bytes, its tiles or its launch', () => {
    const boundOf = (m: number, n: number, k: number): string => timeKernel('deep-gemm-fp8', { m, n, k }, 'h100').bound;
    expect([
      boundOf(16384, 7168, 7168),
      boundOf(16, 16384, 8192),
      boundOf(1024, 512, 7168),
      boundOf(1, 512, 512),
    ]).to.deep.equal(['compute', 'memory', 'tiles', 'launch']);
  });

  it('is refused in a sentence where there is no such kind, or the kind has no such size', () => {
    const unknown = refusal(() => timeKernel('gemm', {}));
    expect(unknown.field).to.equal('kind');
    expect(unknown.message).to.match(/^there is no kernel gemm; choose one of gemm-fp8, .* --list/);
    const size = refusal(() => timeKernel('gemm-bf16', { heads: 3 }));
    expect(size).to.deep.equal({
      field: '--heads',
      message: '--heads is no size of gemm-bf16; it has --m, --n, --k',
    });
  });
});
