import { expect } from 'chai';
import { BadInputError } from '@epemu/core';
import { KernelRoles } from '../kernel-role.js';
import { sideOfJson } from './report-side.js';

const SUMMARY = {
  ...{ spanUs: 420, rankSpanUs: 410, layerUs: { mean: 100, min: 90, max: 110 }, computeUs: 300, commUs: 200 },
  ...{ idleUs: 10, computeBusyPct: 75, commBusyPct: 50, idlePct: 2.5, overlapPct: 50, exposedCommUs: 100 },
  ...{ exposedCommPct: 25, exposedCommPctOfComm: 50, serialUs: 500, overlapGain: 1.25 },
};
const WHOLE = { ...SUMMARY, kernelsOnly: SUMMARY };
const STEADY = { ...WHOLE, rankSpanUs: 200 };
const PHASE = { count: 4, meanUs: 50, minUs: 40, maxUs: 60, busyUs: 50, exposedUs: 0 };
const REPORT = {
  ...{ schema: 'epemu-report/1', scenario: 'train', ranks: 8, status: 'ok', timeline: WHOLE, steady: STEADY },
  phases: [
    { name: 'mlp', stream: 7, kind: 'computation', ...PHASE },
    { name: 'dispatch', stream: 27, kind: 'communication', ...PHASE, exposedUs: 25 },
  ],
  kernels: [
    { phase: 'mlp', kernel: 'a::gemm', count: 4, meanUs: 50 },
    { phase: 'dispatch', kernel: 'ncclKernel_AllToAllv deep_ep::internode::dispatch', count: 4, meanUs: 50 },
  ],
  ranksSummary: [{ rank: 0 }],
};

function read(report: unknown): ReturnType<typeof sideOfJson> {
  return sideOfJson('report.json', report, new KernelRoles());
}

function refusal(report: unknown): string {
  try {
    read(report);
  } catch (error) {
    if (error instanceof BadInputError) return error.message;
    throw error;
  }
  throw new Error('it was taken');
}

describe('a report as one side of a comparison', () => {
  it('tells its layers by its steady ones, and what its phases add to them', () => {
    const { side, problems } = read(REPORT);
    expect(problems).to.deep.equal([]);
    expect(side).to.include({ layers: 4, ranks: 8, source: 'emulated', exact: null });
    expect(side.plain.phases.map(({ kind, computeUs, exposedUs }) => [kind, computeUs, exposedUs])).to.deep.equal([
      ['computation', 200, 0],
      ['communication', 0, 100],
    ]);
    expect(side.plain.collectives).to.deep.equal([{ phase: 'dispatch', role: 'transfer', totalUs: 200 }]);
  });

  it('has no steady layers where its steady figures are those of the whole', () => {
    const { side } = read({ ...REPORT, steady: WHOLE });
    expect([side.steady, side.layers]).to.deep.equal([null, 4]);
  });

  it('of a failed run says that it failed, and is refused where it has no figures', () => {
    const failed = { ...REPORT, status: 'failed', error: 'rank 3 was killed' };
    const [problem] = read(failed).problems;
    expect(problem).to.include({ partial: true });
    expect(problem.message).to.match(/^report\.json is of a run that failed \(rank 3 was killed\); /);
    expect(refusal({ ...failed, timeline: null, steady: null })).to.match(
      /failed \(rank 3 was killed\), so that .*; run it/,
    );
  });

  it('is refused where a figure is missing or is none, by its name', () => {
    const without = { ...WHOLE, idleUs: undefined };
    expect(refusal({ ...REPORT, timeline: without })).to.equal(
      'report.json cannot be compared: timeline.idleUs is nothing, but it must be of type number; write it anew',
    );
    const phases = [{ ...REPORT.phases[0], meanUs: 'long' }];
    expect(refusal({ ...REPORT, phases })).to.include('phases.0.meanUs is "long"');
  });

  it('is refused where it is no report', () => {
    expect(refusal({ schema: 'epemu-comparison/1' })).to.include('report.json has the schema epemu-comparison/1;');
    for (const other of [{}, [], null, 3, { schema: 4 }]) {
      expect(refusal(other)).to.include('is neither a trace nor a report nor a saved analysis');
    }
  });
});
