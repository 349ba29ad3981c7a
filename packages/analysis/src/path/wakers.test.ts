import { expect } from 'chai';
import type { Analysis } from '../analysis.js';
import { analysedRanks, kernel } from '../trace.test-helper.js';
import type { Item } from '../trace.test-helper.js';

const STEP_US = 20_000;
const STEPS = 5;

/** A kernel with the call that launched it, so long before the step that nothing waits for the call. */
function launched(name: string, stream: number, ts: number, dur: number, launchUs: number): Item[] {
  const correlation = stream * 1e6 + ts;
  const call = { ph: 'X', cat: 'cuda_runtime', name: 'cudaLaunchKernel', pid: 90, tid: 90, ts: launchUs, dur: 1 };
  return [{ ...call, args: { correlation } }, kernel(name, stream, ts, dur, { args: { stream, correlation } })];
}

/** Steps of data-parallel training: gradients are reduced, exposed for the most part, before the optimizer runs. */
function training(annotated: readonly string[]): Item[] {
  return Array.from({ length: STEPS }, (_, step) => {
    const at = step * STEP_US;
    const call = at - 5000;
    const annotations = annotated.map((name): Item => {
      const ts = name.startsWith('Optimizer') ? call + 100 : call;
      return { ph: 'X', cat: 'user_annotation', name, pid: 90, tid: 90, ts, dur: 10 };
    });
    return [
      ...annotations,
      ...launched('fwd_kernel', 7, at, 2000, call + 5),
      ...launched('bwd1_kernel', 7, at + 2000, 2000, call + 20),
      ...launched('bwd2_kernel', 7, at + 4000, 2000, call + 30),
      ...launched('ncclDevKernel_AllReduce_Sum_f32_RING_LL(a)', 20, at + 4010, 3000, call + 40),
      ...launched('ncclDevKernel_AllReduce_Sum_f32_RING_LL(a)', 20, at + 7010, 9000, call + 50),
      ...launched('copy_bucket_kernel', 7, at + 16_015, 50, call + 60),
      ...launched('multi_tensor_adam_kernel', 7, at + 16_080, 1000, call + 105),
    ];
  }).flat();
}

async function analysisOf(...annotated: string[]): Promise<Analysis> {
  return (await analysedRanks([training(annotated)])).analysis;
}

function saved({ criticalPath }: Analysis, id: string): number {
  return criticalPath!.answers.find((answer) => answer.id === id)!.savedUs;
}

describe('kernels that no annotation tells of', () => {
  for (const annotated of [
    [],
    ['Optimizer.step#AdamW.step'],
    ['DistributedDataParallel.forward'],
    ['DistributedDataParallel.forward', 'Optimizer.step#AdamW.step'],
  ]) {
    it(`wait for what they began behind, with ${annotated.join(' and ') || 'no annotation'} recorded`, async () => {
      const analysis = await analysisOf(...annotated);
      const free = saved(analysis, 'free-communication');
      // What is exposed is 10 ms a step.
      expect(free).to.be.within(49_000, 50_300);
      expect(saved(analysis, 'double-nic-bandwidth')).to.be.within(28_000, 30_300);
      expect(analysis.exposedCauses.map(({ phase }) => phase)).to.deep.equal(['all-reduce']);
    });
  }

  it('are what exposed communication holds up, by their names, and counted', async () => {
    const analysis = await analysisOf('Optimizer.step#AdamW.step');
    expect(analysis.exposedCauses.map(({ blocked }) => blocked)).to.deep.equal(['copy_bucket_kernel']);
    expect([analysis.unphasedKernels, analysis.phasesInferred]).to.deep.equal([6 * STEPS, false]);
  });

  it('wait for nothing of another stream where they were launched behind its end', async () => {
    const events = [0, 1000, 2000].flatMap((at) => [
      ...launched('fwd_kernel', 7, at, 100, at - 50),
      ...launched('ncclDevKernel_AllGather_RING_LL(a)', 20, at + 100, 300, at - 40),
      ...launched('other_kernel', 7, at + 405, 100, at + 402),
    ]);
    const range = { ph: 'X', cat: 'user_annotation', name: 'x', pid: 90, tid: 90, ts: -55, dur: 10 };
    const { analysis } = await analysedRanks([[range, ...events]]);
    expect(saved(analysis, 'free-communication')).to.equal(0);
  });
});
