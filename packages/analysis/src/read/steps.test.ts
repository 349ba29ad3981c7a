import { BadInputError } from '@epemu/core';
import { expect } from 'chai';
import { DISPATCH, GEMM, analysed, analysedRanks, kernel, traceText } from '../trace.test-helper.js';
import type { Item } from '../trace.test-helper.js';

const APART_US = 1_000_000;

/** Steps of 4 ms, a second apart, whose kernels run up to some ms after the host has left the step. */
function steps(numbers: readonly number[], stretch = 1): Item[] {
  return numbers.flatMap((step, i) => {
    const at = i * APART_US;
    const launched = (name: string, stream: number, ts: number, dur: number, call: number): Item[] => {
      const correlation = i * 100 + ts / 100 + stream * 1000;
      const launch = { ph: 'X', cat: 'cuda_runtime', name: 'cudaLaunchKernel', pid: 9, tid: 9, ts: at + call, dur: 1 };
      return [
        { ...launch, args: { correlation } },
        kernel(name, stream, at + ts, dur, { args: { stream, correlation } }),
      ];
    };
    return [
      { ph: 'X', cat: 'user_annotation', name: `ProfilerStep#${step}`, pid: 9, tid: 9, ts: at, dur: 500 },
      ...launched(GEMM, 7, 200, 1000 * stretch, 100),
      ...launched(DISPATCH, 27, 1200, 2000, 200),
      ...launched(GEMM, 7, 3200, 1000, 300),
    ];
  });
}

describe('steps of the profiler', () => {
  it('have figures of their own, and idle time between them is told apart', async () => {
    const { analysis } = await analysedRanks([steps([5, 6])]);
    expect(analysis.steps).to.deep.equal(
      [5, 6].map((step, i) => ({
        step,
        startUs: i * APART_US,
        spanUs: 4000,
        computeUs: 2000,
        commUs: 2000,
        overlapPct: 0,
        exposedCommUs: 2000,
        exposedCommPct: 50,
        idlePct: 0,
      })),
    );
    expect(analysis.betweenStepsUs).to.equal(APART_US - 4000);
    expect(analysis.timeline.idleUs).to.equal(APART_US - 4000);
  });

  it('may be analysed one alone, as if no other had been recorded', async () => {
    const { analysis } = await analysedRanks([steps([5, 6])], { step: 6 });
    expect(analysis).to.deep.include({ kernels: 3, steps: [] });
    expect(analysis.timeline).to.include({ spanUs: 4000, idleUs: 0, exposedCommUs: 2000 });
    const { analysis: alone } = await analysedRanks([steps([6])]);
    expect(analysis.timeline).to.deep.equal(alone.timeline);
    expect(analysis.phases).to.deep.equal(alone.phases);
  });

  it('are means over ranks, each of its own times', async () => {
    const { analysis } = await analysedRanks([steps([5, 6]), steps([5, 6], 0.5)]);
    expect(analysis.steps.map(({ computeUs }) => computeUs)).to.deep.equal([1750, 1750]);
  });

  it('are none of a trace with one, and refused where a trace has others', async () => {
    expect((await analysedRanks([steps([5])])).analysis.steps).to.deep.equal([]);
    const failure = await analysed({ 'a.json': traceText(0, steps([5, 6])) }, { step: 7 }).catch(
      (error: unknown) => error,
    );
    expect(failure)
      .to.be.instanceOf(BadInputError)
      .with.property('message')
      .that.matches(/--step is 7.*have 5, 6/);
  });
});
