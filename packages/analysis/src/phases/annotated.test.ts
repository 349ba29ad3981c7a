import { expect } from 'chai';
import { DISPATCH, GEMM, analysedRanks, kernel } from '../trace.test-helper.js';
import type { Item } from '../trace.test-helper.js';

/** A kernel with the call that launched it. */
function launched(name: string, stream: number, ts: number, dur: number, call: { ts: number; tid?: number }): Item[] {
  const correlation = 1000 * stream + ts;
  return [
    { ph: 'X', cat: 'cuda_runtime', name: 'cudaLaunchKernel', pid: 1, tid: 1, dur: 1, ...call, args: { correlation } },
    kernel(name, stream, ts, dur, { args: { stream, correlation } }),
  ];
}

function annotation(name: string, ts: number, dur: number, tid: number | string = 1): Item {
  return { ph: 'X', cat: 'user_annotation', name, pid: 1, tid, ts, dur };
}

/** @returns `phase: kernels` of a rank, in the order in which phases start. */
async function phasesOf(events: readonly Item[]): Promise<string[]> {
  const { set } = await analysedRanks([events]);
  return set.ranks[0].content.instances.map(({ phase, rows }) => `${phase}: ${rows.join(' ')}`);
}

describe('phases that a trace names', () => {
  it('hold the kernels that were launched within, whenever these ran', async () => {
    const events = [
      annotation('attn', 0, 10),
      annotation('mlp', 10.5, 10),
      ...launched(GEMM, 7, 100, 5, { ts: 3 }),
      ...launched(GEMM, 7, 110, 5, { ts: 12 }),
      ...launched(DISPATCH, 27, 105, 20, { ts: 4 }),
    ];
    expect(await phasesOf(events)).to.deep.equal(['attn: 0 1', 'mlp: 2']);
  });

  it('hold all kernels of a CUDA graph that was launched within', async () => {
    const [call, first] = launched(GEMM, 7, 100, 5, { ts: 3 });
    const { args } = first as { args: Item };
    const others = [110, 120].map((ts) => kernel(DISPATCH, 7, ts, 5, { args }));
    const launch = { ...call, name: 'cudaGraphLaunch' };
    expect(await phasesOf([annotation('step', 0, 10), launch, first, ...others])).to.deep.equal(['step: 0 1 2']);
  });

  it('are the innermost around a launch, on its own thread where there is one', async () => {
    const events = [
      annotation('layer', 0, 100),
      annotation('attn', 10, 20),
      annotation('other', 12, 18, 2),
      ...launched(GEMM, 7, 100, 5, { ts: 5 }),
      ...launched(GEMM, 7, 110, 5, { ts: 15 }),
      ...launched(GEMM, 7, 120, 5, { ts: 50 }),
      // A backward pass launches from a thread without annotations.
      ...launched(GEMM, 7, 130, 5, { ts: 16, tid: 3 }),
    ];
    expect(await phasesOf(events)).to.deep.equal(['layer: 0 2', 'attn: 1', 'other: 3']);
  });

  it('are those on the stream where no launch is recorded', async () => {
    const range = { ...annotation('graph', 95, 20, 7), cat: 'gpu_user_annotation', pid: 0 };
    const events = [range, kernel(GEMM, 7, 100, 5), kernel(GEMM, 7, 200, 5), kernel(GEMM, 8, 100, 5)];
    expect(await phasesOf(events)).to.deep.equal(['graph: 0']);
  });

  it('end before what starts where they end, and are one with their shadows on streams', async () => {
    const shadow = { ...annotation('fwd', 100, 20, 7), cat: 'gpu_user_annotation', pid: 0, args: { 'External id': 4 } };
    const events = [
      { ...annotation('fwd', 0, 10), args: { 'External id': 4 } },
      shadow,
      { ...shadow, tid: 8 },
      ...launched(GEMM, 7, 100, 5, { ts: 3 }),
      // Launched behind the range, as a graph's kernels may be, yet in its shadow on either stream.
      ...launched(GEMM, 7, 110, 10, { ts: 12 }),
      ...launched(GEMM, 8, 108, 5, { ts: 13 }),
      ...launched(GEMM, 7, 120, 5, { ts: 10 }),
    ];
    expect(await phasesOf(events)).to.deep.equal(['fwd: 0 1 2']);
  });

  it('are no steps of the profiler nor names that libraries give', async () => {
    const events = [
      ...['ProfilerStep#3', 'nccl:all_to_all', 'PyTorch Profiler (0)'].map((name) => annotation(name, 0, 50)),
      ...launched(GEMM, 7, 100, 5, { ts: 3 }),
    ];
    expect(await phasesOf(events)).to.deep.equal(['compute: 0']);
  });

  it('leave kernels without one out of all phases, yet in the figures', async () => {
    const events = [annotation('attn', 0, 10), ...launched(GEMM, 7, 100, 5, { ts: 3 }), kernel(GEMM, 7, 110, 5)];
    expect(await phasesOf(events)).to.deep.equal(['attn: 0']);
    const { analysis } = await analysedRanks([events]);
    expect(analysis.timeline.computeUs).to.equal(10);
  });
});
