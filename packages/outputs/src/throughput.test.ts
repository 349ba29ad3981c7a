import { resolveConfiguration } from '@epemu/config';
import type { Configuration } from '@epemu/config';
import { buildProgram } from '@epemu/schedule';
import { RunFigures } from '@epemu/analysis';
import type { FigureReport } from '@epemu/analysis';
import { ProgramFacts } from '@epemu/timeline';
import { expect } from 'chai';
import { throughputOf } from './report.js';

function small(scenario: string, flags: Record<string, unknown> = {}): Configuration {
  return resolveConfiguration({ scenario, flags: { ranks: 8, layers: 4, tokensPerMicrobatch: 32, ...flags } });
}

const NOTHING = new RunFigures({
  facts: new ProgramFacts(buildProgram(small('decode')), 1),
  ranks: 1,
  experts: 256,
}).result();

/** Step of the whole model, ms, of a run with the given span, steady layer time, and times of dense and MoE layers, µs. */
function stepMs(
  configuration: Configuration,
  spanUs: number,
  steadyUs: number,
  dense: readonly number[] = [],
  moe: readonly number[] = [],
): number {
  const times = [...dense.map((us) => ({ us, dense: true })), ...moe.map((us) => ({ us, dense: false }))];
  const figures: FigureReport = {
    ...NOTHING,
    timeline: { ...NOTHING.timeline, spanUs },
    steady: { ...NOTHING.steady, layerUs: { mean: steadyUs, min: steadyUs, max: steadyUs } },
    layerTimes: times.map((time, layer) => ({ ...time, layer })),
  };
  return throughputOf(configuration, figures).stepMs;
}

const many = (us: number, last: number): number[] => [...Array.from({ length: 57 }, () => us), last];

describe('the step of the whole model', () => {
  it('of a decode has its dense layers before the first mark, for none of their phases marks a layer', () => {
    // 6000 µs in all, of which 58 MoE layers take 57 × 100 + 90; 210 are left for the dense ones.
    expect(stepMs(small('decode', { layers: 61 }), 6000, 100, [], many(100, 90))).to.equal(6.01);
  });

  it('of a training is the sum of its cells, dense layers forward or backward in six of them', () => {
    expect(stepMs(small('train', { layers: 61 }), 125, 2, [1, 1, 1], many(2, 6))).to.equal(0.123);
  });

  it('of a training without overlap is the span, whatever its forward layers take', () => {
    expect(stepMs(small('train', { overlap: 'none', layers: 61 }), 80_000, 5, [1, 1, 1], many(2, 999))).to.equal(80);
  });

  it('of a run without dense layers counts them as MoE layers', () => {
    for (const scenario of ['train', 'prefill', 'decode']) expect(stepMs(small(scenario), 450, 100)).to.equal(6.1);
  });

  it('of a pipeline is the span, in which all of its micro-batches go through all ranks', () => {
    const pipeline = { schedule: 'dualpipe', ranks: 4, chunks: 1 };
    const configuration = small('pipeline', { pipeline });
    expect(stepMs(configuration, 4000, 1)).to.equal(61);
    // 20 micro-batches of 32 tokens on two of eight ranks, or as many as come in at either end.
    const { tokensPerSecondPerGpu } = throughputOf(configuration, {
      ...NOTHING,
      timeline: { ...NOTHING.timeline, spanUs: 4000 },
    });
    expect(tokensPerSecondPerGpu).to.equal(Number(((20 * 32 * 2) / 8 / 0.061).toFixed(1)));
  });

  it('is a time per output token for decoding alone, also where a prefill counts tokens', () => {
    const timed = ['train', 'prefill', 'decode'].filter(
      (scenario) => throughputOf(small(scenario), { ...NOTHING }).tpotMs !== undefined,
    );
    expect(timed).to.deep.equal(['decode']);
  });
});
