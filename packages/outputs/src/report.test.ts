import { resolveConfiguration } from '@epemu/config';
import type { Configuration } from '@epemu/config';
import { buildProgram } from '@epemu/schedule';
import { RunFigures } from '@epemu/analysis';
import type { FigureReport } from '@epemu/analysis';
import { ProgramFacts } from '@epemu/timeline';
import { emptyNumerics } from '@epemu/rank';
import { expect } from 'chai';
import { runLabels } from './run-labels.js';
import { metricsText } from './metrics-text.js';
import { buildReport, linkTraffic, throughputOf } from './report.js';
import type { Report } from './report.js';

function configurationOf(scenario: string, flags: Record<string, unknown>, settings: string[] = []): Configuration {
  return resolveConfiguration({ scenario, flags: { ranks: 16, layers: 4, ...flags }, settings });
}

const DECODE = configurationOf('decode', { tokensPerMicrobatch: 64 });
/** Figures in which everything is 0. */
const NOTHING = new RunFigures({ facts: new ProgramFacts(buildProgram(DECODE), 1), ranks: 1, experts: 256 }).result();

/** @param layerTimes µs of each layer; a negative one stands for a dense layer. */
function figures(parts: { spanUs?: number; steadyLayerUs?: number; layerTimes?: number[] }): FigureReport {
  const { spanUs = 0, steadyLayerUs = 0, layerTimes = [] } = parts;
  const layerUs = { mean: steadyLayerUs, min: steadyLayerUs, max: steadyLayerUs };
  return {
    ...NOTHING,
    timeline: { ...NOTHING.timeline, spanUs },
    steady: { ...NOTHING.steady, layerUs },
    layerTimes: layerTimes.map((us, layer) => ({ layer, dense: us < 0, us: Math.abs(us) })),
  };
}

describe('throughput', () => {
  it('of a decode is both micro-batches over 61 steady layers, and its time per token the step', () => {
    const throughput = throughputOf(DECODE, figures({ steadyLayerUs: 1000 }));
    // 128 tokens in 61 ms.
    expect(throughput).to.deep.equal({
      tokensPerSecondPerGpu: 2098.4,
      tokensPerSecondPerNode: 16_786.9,
      stepMs: 61,
      tpotMs: 61,
    });
  });

  it('of a node with fewer ranks than 8 counts those that are there', () => {
    const throughput = throughputOf(configurationOf('decode', { ranks: 2 }), figures({ steadyLayerUs: 1000 }));
    expect(throughput.tokensPerSecondPerNode / throughput.tokensPerSecondPerGpu).to.be.closeTo(2, 1e-4);
  });

  it('of a prefill counts all prompts and has no time per token', () => {
    const configuration = configurationOf('prefill', { promptLengths: [4000, 2000, 100] });
    const throughput = throughputOf(configuration, figures({ steadyLayerUs: 1000 }));
    expect(throughput).to.include({ tokensPerSecondPerGpu: 100_000, stepMs: 61 });
    expect(throughput).not.to.have.property('tpotMs');
  });

  it('of a training counts one micro-batch over the cells of all layers', () => {
    const throughput = throughputOf(configurationOf('train', {}), figures({ steadyLayerUs: 2000 }));
    expect(throughput).to.include({ stepMs: 122, tokensPerSecondPerGpu: 33_573.8 });
  });

  it('of a training without overlap takes a layer’s share of the span for a cell', () => {
    const configuration = configurationOf('train', { overlap: 'none' });
    const throughput = throughputOf(configuration, figures({ spanUs: 12_000, steadyLayerUs: 1 }));
    expect(throughput.stepMs).to.equal(183);
  });

  it('of a whole model takes dense layers at their own time and leaves the draining last layer out', () => {
    const configuration = configurationOf('prefill', { layers: 61 });
    const layerTimes = [-100, -100, -100, ...Array.from({ length: 57 }, () => 1000), 5000];
    expect(throughputOf(configuration, figures({ layerTimes })).stepMs).to.equal(58.3);
  });
});

describe('the report', () => {
  const train = resolveConfiguration({ scenario: 'train' });
  const parts = {
    ...{ configuration: train, digest: 'abc', finding: null },
    traffic: { rdmaBytes: 0, nvlinkBytes: 0, links: [], wireMessages: 0, wireBytes: 0 },
    numerics: emptyNumerics(),
    host: {
      ...{ wallSeconds: 0, startupSeconds: 0, emulateSeconds: 0, mergeSeconds: 0, messagesPerSecond: 0 },
      ...{ peakRssBytes: 0, coordinatorPeakRssBytes: 0, wireFrames: 0, traceEvents: 0, traceBytesUnpacked: 0 },
      processes: 1,
    },
  };
  const kernel = {
    ...{ phase: 'attn(F)', kernel: 'gemm', label: 'q_a', role: null, collectiveRole: null },
    ...({ class: 'compute', category: 'gemm', ctas: 112 } as const),
  };
  const some = figures({ steadyLayerUs: 32_000 });
  const measured: FigureReport = { ...some, kernels: [{ ...kernel, count: 4, meanUs: 103 }], notifyPctOfComm: 28 };

  it('has kernels, notify’s share and the published figures that apply beside the emulated ones', () => {
    const report = buildReport({ ...parts, figures: measured });
    expect(report.kernels).to.deep.equal(measured.kernels);
    expect(report.notifyPctOfComm).to.equal(28);
    const row = report.calibration.find(({ id }) => id === 'train.trace.notify_share');
    expect(row).to.include({ published: 28.45, emulated: 28, withinTolerance: true, use: 'held-out' });
    expect(row).to.include.all.keys('what', 'errorPct', 'source');
  });

  it('has no published figures beside a run of which nobody has published any, or that did not finish', () => {
    expect(buildReport({ ...parts, configuration: DECODE, figures: measured }).calibration).to.deep.equal([]);
    expect(buildReport({ ...parts, digest: null, figures: measured }).calibration).to.deep.equal([]);
    expect(buildReport({ ...parts, digest: null, figures: undefined })).to.deep.include({
      kernels: [],
      calibration: [],
    });
  });
});

describe('the metrics of a run', () => {
  function report(of: FigureReport | undefined, maxRelativeError = 0): Report {
    return buildReport({
      configuration: DECODE,
      digest: null,
      ...(of === undefined ? { error: 'rank 1 failed' } : {}),
      figures: of,
      traffic: {
        ...linkTraffic(DECODE, [5e12, 0]),
        wireMessages: 10,
        wireBytes: 1000,
      },
      numerics: { tokensChecked: 4, chainsChecked: 1, missing: 1, duplicated: 2, wrong: 3, maxRelativeError },
      host: {
        wallSeconds: 1.5,
        startupSeconds: 0.5,
        emulateSeconds: 0.5,
        mergeSeconds: 0.5,
        messagesPerSecond: 20,
        peakRssBytes: 1e8,
        coordinatorPeakRssBytes: 1e8,
        wireFrames: 10,
        traceEvents: 100,
        traceBytesUnpacked: 1e4,
        processes: 17,
      },
      finding: null,
    });
  }

  const textOf = (of: Report): Promise<string> => metricsText(of, runLabels('run-1', DECODE), 8);

  it('have a HELP and a TYPE line before each, and no value that is not a number', async () => {
    for (const of of [figures({ spanUs: 1000 }), undefined]) {
      const lines = (await textOf(report(of))).trim().split('\n');
      const known = new Set<string>();
      lines.forEach((line, i) => {
        const help = /^# HELP (\S+) \S.*\.$/.exec(line);
        if (help !== null) {
          expect(lines[i + 1]).to.match(new RegExp(`^# TYPE ${help[1]} (gauge|counter)$`));
          known.add(help[1]);
        } else if (line !== '' && !line.startsWith('#')) {
          expect(line).to.match(/^epemu_[a-z_]+(\{[^}]*\})? -?[0-9.e+-]+$/);
          expect(known).to.include(/^[a-z_]+/.exec(line)![0]);
        }
      });
      expect(known.size).to.be.at.least(12);
    }
  });

  it('are in base units', async () => {
    const text = await textOf(report(figures({ spanUs: 2500 })));
    expect(text).to.include('\nepemu_virtual_run_span_seconds 0.0025\n');
    expect(text).to.include('\nepemu_virtual_run_link_bytes_total{link="rdma"} 5000000000000\n');
    expect(text).to.include('\nepemu_failed_tokens_total{kind="wrong"} 3\n');
    expect(text).to.include('\nepemu_run_state{state="succeeded"} 1\n');
  });

  it('of a failed run leave virtual time out and say that it failed', async () => {
    const text = await textOf(report(undefined));
    expect(text).to.include('\nepemu_run_state{state="failed"} 1\n').and.not.include('epemu_virtual_run_span_seconds');
  });

  it('come from a report without infinities, which JSON cannot hold', () => {
    expect(report(undefined, Number.POSITIVE_INFINITY).numerics.maxRelativeError).to.equal(1e300);
    expect(report(undefined)).to.include({ status: 'failed', error: 'rank 1 failed', throughput: null, nodes: 2 });
  });
});
