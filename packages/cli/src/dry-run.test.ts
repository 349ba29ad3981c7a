import { resolveConfiguration } from '@epemu/config';
import type { Configuration } from '@epemu/config';
import { expect } from 'chai';
import { dryRunText, predict } from './dry-run.js';

function configurationOf(scenario: string, flags: Record<string, unknown>, settings: string[] = []): Configuration {
  return resolveConfiguration({ scenario, flags, settings });
}

/** 2 ranks with 8 tokens each in one layer, nothing overlapped. */
const TINY = { ranks: 2, layers: 1, tokensPerMicrobatch: 4, overlap: 'none', payload: { kind: 'float32', hidden: 16 } };

describe('a prediction', () => {
  const tiny = predict(configurationOf('decode', TINY));

  it('counts ranks, nodes and workers', () => {
    expect(tiny).to.include({ ranks: 2, nodes: 1, workers: 2 });
    expect(predict(configurationOf('decode', { ...TINY, ranksPerWorker: 2 })).workers).to.equal(1);
    expect(predict(configurationOf('decode', { ...TINY, fabric: 'memory' })).workers).to.equal(1);
    expect(predict(configurationOf('decode', TINY, ['hardware.nodeSize=1'])).nodes).to.equal(2);
  });

  it('counts operations of a rank, kernels of all ranks, and phases above these', () => {
    // ATTN-0 7, ATTN-1 8, issue and wait DISPATCH 1 + 1, MLP 3, issue and wait COMBINE 1 + 1, SHARED 4.
    expect(tiny).to.include({ operationsPerRank: 8, kernels: 2 * 26, traceEvents: 2 * (26 + 8) });
  });

  it('leaves what a warm-up does out of the trace, not out of the program', () => {
    const train = predict(
      configurationOf('train', { ranks: 2, layers: 1, tokensPerMicrobatch: 4 }, ['schedule.warmUpRows=1']),
    );
    expect(train.operationsPerRank).to.equal(20);
    expect(train.traceEvents - train.kernels).to.equal(2 * 10);
  });

  it('counts the tokens of all ranks and micro-batches', () => {
    expect(tiny.tokensPerLayer).to.equal(16);
    const prefill = predict(configurationOf('prefill', { ranks: 2, layers: 1, promptLengths: [100, 20] }));
    expect(prefill.tokensPerLayer).to.equal(240);
  });

  it('sends low-latency tokens 8 times, as FP8 with a header and back as BF16', () => {
    expect(tiny.modelledBytes).to.equal(16 * 8 * (7408 + 14_336));
  });

  it('sends normal tokens once to every other node and once to every rank beyond', () => {
    const flags = { ranks: 4, layers: 1, promptLengths: [10], overlap: 'none' };
    const [two, one] = [2, 4].map((size) => predict(configurationOf('prefill', flags, [`hardware.nodeSize=${size}`])));
    // 40 tokens: 1 copy by RDMA and 2 by NVLink; on one node 3 by NVLink.
    expect(two.modelledBytes).to.equal(40 * (1 + 2) * (7392 + 14_336));
    expect(one.modelledBytes).to.equal(40 * 3 * (7392 + 14_336));
  });

  it('sends training’s tokens forward and backward', () => {
    const flags = { ranks: 2, layers: 3, tokensPerMicrobatch: 4, overlap: 'none' };
    expect(predict(configurationOf('train', flags)).modelledBytes).to.equal(3 * 2 * 8 * (7392 + 14_336));
  });

  it('sends a pipeline’s tokens to the ranks of their group alone, and from stage to stage', () => {
    const flags = { pipeline: { schedule: '1f1b', ranks: 2 }, ranks: 4, layers: 2, tokensPerMicrobatch: 4 };
    const { modelledBytes, tokensPerLayer } = predict(configurationOf('pipeline', flags, ['schedule.microBatches=2']));
    // Two micro-batches of 4 tokens on each of a stage's two ranks.
    expect(tokensPerLayer).to.equal(16);
    expect(modelledBytes).to.equal(2 * 16 * 2 * (7392 + 14_336) + 16 * 2 * 14_336);
  });

  it('sends nothing in the dense layers of a whole model', () => {
    const whole = predict(configurationOf('decode', { ...TINY, layers: 61 }));
    expect(whole.modelledBytes).to.equal(58 * tiny.modelledBytes);
    expect(whole.payloadBytes).to.equal(58 * tiny.payloadBytes);
  });

  it('moves the emulated payload there and back, and only the routing without one', () => {
    expect(tiny.payloadBytes).to.equal(16 * 8 * (2 * 16 * 4 + 20));
    expect(predict(configurationOf('decode', { ...TINY, payload: { kind: 'none' } })).payloadBytes).to.equal(128 * 20);
  });

  it('takes memory for each process first', () => {
    expect(tiny.memoryBytes).to.be.within(110e6, 111e6);
  });
});

describe('the text of a dry run', () => {
  it('shows the configuration with its presets by name, and the prediction', () => {
    const configuration = configurationOf('decode', TINY);
    const text = dryRunText(configuration, predict(configuration));
    const json = JSON.parse(text.slice(0, text.indexOf('\n}\n') + 2)) as Record<string, unknown>;
    expect(json).to.include({ scenario: 'decode', ranks: 2, hardware: 'h800', model: 'deepseek-v3' });
    expect(text).to.include('ranks       2 on 1 nodes, in 2 worker processes\n');
    expect(text).to.include('8 operations a rank; 52 kernels, 68 trace events before flows\n');
    expect(text).to.include('at most 0.00 GB modelled').and.include('about 0.11 GB over all processes');
  });
});
