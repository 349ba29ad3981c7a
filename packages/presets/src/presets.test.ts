import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BadInputError } from '@epemu/core';
import { expect } from 'chai';
import {
  hardwareNames,
  kernelDurationNs,
  loadHardware,
  loadModel,
  modelNames,
  parseHardware,
  parseModel,
} from './index.js';
import { transferRates } from './index.js';
import type { KernelContext, KernelCost } from './index.js';

const H800 = loadHardware('h800');
const DEEPSEEK = loadModel('deepseek-v3');

/** A rank's part of a cell in the published training trace; the rows are means over its 4 cells, per direction. */
const FORWARD: KernelContext = {
  tokens: 4096,
  expertRows: 32512,
  receivedTokens: 30278,
  attentionWork: (4096 * 4097) / 2,
  sms: 112,
};
const BACKWARD: KernelContext = { ...FORWARD, expertRows: 32128, receivedTokens: 29836 };
const DECODE: KernelContext = {
  tokens: 128,
  expertRows: 1024,
  receivedTokens: 1024,
  attentionWork: 128 * 4096,
  sms: 132,
};

/** Solo durations of a phase's kernels and the gaps between them, µs; a second stream's gaps overlap the first's. */
function phaseUs(phase: string, context: KernelContext): number {
  const kernels = H800.phases[phase];
  const gaps = kernels.filter((kernel) => kernel.stream === undefined).length - 1;
  const durations = kernels.map((kernel) => kernelDurationNs(H800.kernels[kernel.cost], context));
  return (durations.reduce((sum, ns) => sum + ns, 0) + gaps * H800.kernelGapNs) / 1000;
}

/** @returns the error that parsing a changed copy of a preset throws. */
function refusal(change: (copy: Record<string, Record<string, unknown>>) => void, model = false): BadInputError {
  const copy = structuredClone(model ? DEEPSEEK : H800) as unknown as Record<string, Record<string, unknown>>;
  change(copy);
  try {
    if (model) parseModel(copy, 'mine.json');
    else parseHardware(copy, 'mine.json');
  } catch (error) {
    expect(error).to.be.instanceOf(BadInputError);
    return error as BadInputError;
  }
  throw new Error('nothing was refused');
}

describe('the H800 preset', () => {
  // Mean wall time, µs, over the four cells of the published training trace (deepseek-ai/profile-data, train.json).
  const published: readonly [string, KernelContext, number][] = [
    ['attn(F)', FORWARD, 4599],
    ['mlp(B)', BACKWARD, 5363],
    ['mlp(W)', BACKWARD, 5073],
    ['mlp(F)', FORWARD, 4641],
    ['attn(B)', BACKWARD, 9540],
    ['attn(W)', BACKWARD, 2396],
  ];
  for (const [phase, context, wallUs] of published) {
    it(`takes the published ${wallUs} µs, within 3 %, for ${phase}`, () => {
      expect(phaseUs(phase, context) / wallUs).to.be.within(0.97, 1.03);
    });
  }

  it('takes the published kernel sums for a decode layer of 128 tokens at KV 4096', () => {
    const sums = ['ATTN-0', 'ATTN-1', 'decode-SHARED', 'decode-MLP'].map((phase) =>
      H800.phases[phase].reduce((sum, kernel) => sum + kernelDurationNs(H800.kernels[kernel.cost], DECODE), 0),
    );
    // 4+13+2+2+19+16+7; 255+15+5+50+3+6+2+8; 3+17+4+10; 81+8+39.
    expect(sums).to.deep.equal([63_000, 344_000, 34_000, 128_000]);
  });

  it('has a use for every kernel cost, so that no constant is dead', () => {
    const used = new Set(Object.values(H800.phases).flatMap((kernels) => kernels.map((kernel) => kernel.cost)));
    expect(Object.keys(H800.kernels).filter((key) => !used.has(key))).to.deep.equal([]);
  });

  it('names as communication, by the ^nccl that trace analysers look for, exactly the communication kernels', () => {
    for (const kernel of Object.values(H800.phases).flat()) {
      expect(kernel.name.startsWith('nccl'), kernel.name).to.equal(kernel.class === 'communication');
    }
  });

  it('gives every collective one transfer kernel, last, and a notify to those that synchronise', () => {
    for (const phase of ['dispatch(F)', 'combine(B)', 'dispatch(B)', 'combine(F)', 'DISPATCH', 'COMBINE']) {
      const roles = H800.phases[phase].flatMap((kernel) => kernel.role ?? []);
      expect(roles, phase).to.deep.equal(['notify', 'transfer']);
      expect(H800.phases[phase].at(-1)!.role).to.equal('transfer');
    }
    for (const phase of ['issue DISPATCH', 'wait DISPATCH', 'issue COMBINE', 'wait COMBINE', 'PP(F)', 'PP(B)']) {
      expect(H800.phases[phase].map((kernel) => kernel.role)).to.deep.equal(['transfer']);
    }
  });

  it('moves the wire bytes of the training trace a little faster than the trace, for latency and the second hop', () => {
    // 105.04 and 203.72 MB in 4346, 3405 and (5994 + 6368) / 2 µs on 20 SMs.
    const us = (rateKind: string, bytes: number) => bytes / transferRates(H800, rateKind, 20).rdmaGBps / 1000;
    expect(us('dispatch', 105_040_000)).to.be.within(0.93 * 4346, 4346);
    expect(us('cachedDispatch', 105_040_000)).to.be.within(0.93 * 3405, 3405);
    expect(us('combine', 203_720_000)).to.be.within(0.93 * 6181, 6181);
  });
});

describe('kernelDurationNs', () => {
  const cost: KernelCost = {
    us: 100,
    bound: 'compute',
    work: 'tokens',
    at: 4096,
    sms: 112,
    source: 'test',
    quality: 'derived',
  };

  it('scales a compute-bound kernel with its work and inversely with its SMs', () => {
    expect(kernelDurationNs(cost, { ...FORWARD, tokens: 2048, sms: 56 })).to.equal(100_000);
  });

  it('leaves a memory-bound kernel alone when SMs change', () => {
    expect(kernelDurationNs({ ...cost, bound: 'memory' }, { ...FORWARD, sms: 132 })).to.equal(100_000);
  });

  it('takes each kind of work from its own field', () => {
    const at = (work: KernelCost['work']) => kernelDurationNs({ ...cost, us: 1, at: 1, work }, DECODE);
    const bySms = 112 / 132;
    expect(at('expertRows')).to.equal(Math.round(1_024_000 * bySms));
    expect(at('receivedTokens')).to.equal(Math.round(1_024_000 * bySms));
    expect(at('attention')).to.equal(Math.round(524_288_000 * bySms));
    expect(at('fixed')).to.equal(Math.round(1000 * bySms));
  });

  it('is never below 1 ns, even without work', () => {
    expect(kernelDurationNs(cost, { ...FORWARD, tokens: 0 })).to.equal(1);
  });
});

describe('transferRates', () => {
  it('follows the SMs up to the bandwidth of the port', () => {
    expect(transferRates(H800, 'combine', 10).rdmaGBps).to.be.closeTo(34.7 / 2, 0.01);
    expect(transferRates(H800, 'combine', 132).rdmaGBps).to.equal(50);
  });

  it('does not follow SMs where the transfer holds none', () => {
    expect(transferRates(H800, 'lowLatencyDispatch', 0)).to.deep.equal(transferRates(H800, 'lowLatencyDispatch', 20));
  });
});

describe('loading presets', () => {
  it('knows the built-in names', () => {
    expect(hardwareNames()).to.include('h800');
    expect(modelNames()).to.include('deepseek-v3');
  });

  it('counts the DeepSeek-V3 token as DeepEP does: 7392 bytes in FP8, 7408 with a header, 14336 in BF16', () => {
    expect(DEEPSEEK.bytesPerToken.dispatch).to.equal(7168 + (7168 / 128) * 4);
    expect(DEEPSEEK.bytesPerToken.lowLatencyDispatch).to.equal(7168 + (7168 / 128) * 4 + 16);
    expect(DEEPSEEK.bytesPerToken.combine).to.equal(7168 * 2);
  });

  it('gives a source for every value of the model', () => {
    const { bytesPerToken, ...others } = DEEPSEEK;
    const keys = Object.keys(others).filter((key) => key !== 'name' && key !== 'sources');
    expect(DEEPSEEK.sources).to.include.keys(...keys);
    expect(DEEPSEEK.sources).to.include.keys(...Object.keys(bytesPerToken).map((key) => `bytesPerToken.${key}`));
  });

  it('refuses a rate that is missing, zero or negative by the name of its key', () => {
    const missing = refusal((copy) => {
      delete (copy['transferRates'] as Record<string, Record<string, unknown>>)['dispatch']['rdmaGBps'];
    });
    expect(missing.field).to.equal('transferRates.dispatch.rdmaGBps');
    expect(missing.message).to.contain('mine.json').and.contain('is missing');
    for (const value of [0, -1]) {
      const bad = refusal((copy) => {
        (copy['ports']['rdma'] as Record<string, unknown>)['bandwidthGBps'] = value;
      });
      expect(bad.field).to.equal('ports.rdma.bandwidthGBps');
      expect(bad.message).to.contain(`is ${value}`);
    }
  });

  it('refuses a kernel whose cost does not exist, or that waits for a later one', () => {
    const kernel = { ...H800.phases['attn(F)'][0] };
    expect(refusal((copy) => (copy['phases']['x'] = [{ ...kernel, cost: 'none' }])).field).to.equal('phases.x.0.cost');
    expect(refusal((copy) => (copy['phases']['x'] = [{ ...kernel, after: 0 }])).field).to.equal('phases.x.0.after');
  });

  it('refuses an unknown key by name', () => {
    expect(refusal((copy) => (copy['ports']['infiniband'] = {})).field).to.equal('ports.infiniband');
  });

  it('refuses a model whose sizes contradict each other', () => {
    const change = (key: string, value: number) =>
      refusal((copy) => ((copy as Record<string, unknown>)[key] = value), true).field;
    expect(change('expertGroups', 7)).to.equal('expertGroups');
    expect(change('topGroups', 9)).to.equal('topGroups');
    expect(change('topK', 129)).to.equal('topK');
    expect(change('groupScoreExperts', 33)).to.equal('groupScoreExperts');
    expect(change('denseLayers', 62)).to.equal('denseLayers');
  });

  it('lists the names there are when one is unknown', () => {
    expect(() => loadHardware('h900')).to.throw(BadInputError, 'choose one of h800');
    expect(() => loadModel('deepseek')).to.throw(BadInputError, 'choose one of deepseek-v3');
  });

  it('reads a preset from a file of the user, and says which file is not JSON', () => {
    const folder = mkdtempSync(join(tmpdir(), 'epemu-presets-'));
    try {
      const good = join(folder, 'good.json');
      writeFileSync(good, JSON.stringify({ ...H800, name: 'mine' }));
      expect(loadHardware(good).name).to.equal('mine');
      const bad = join(folder, 'bad.json');
      writeFileSync(bad, '{');
      expect(() => loadHardware(bad)).to.throw(BadInputError, bad);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
