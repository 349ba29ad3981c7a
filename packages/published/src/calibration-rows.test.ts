import { resolveConfiguration } from '@epemu/config';
import type { Configuration } from '@epemu/config';
import { buildProgram } from '@epemu/schedule';
import { RunFigures } from '@epemu/analysis';
import type { FigureReport } from '@epemu/analysis';
import { ProgramFacts } from '@epemu/timeline';
import { expect } from 'chai';
import { appliesTo } from './applies.js';
import { calibrationRows } from './calibration-rows.js';
import { collectiveCases, collectiveRows } from './collective-rows.js';
import { kernelRows } from './kernel-rows.js';
import { measuresBy } from './load.js';

function configurationOf(
  scenario: string,
  flags: Record<string, unknown> = {},
  settings: string[] = [],
): Configuration {
  return resolveConfiguration({ scenario, flags, settings });
}

/** @returns ids of the figures of runs that apply to a configuration. */
function applying(scenario: string, flags: Record<string, unknown> = {}, settings: string[] = []): string[] {
  const configuration = configurationOf(scenario, flags, settings);
  return measuresBy('run')
    .filter(({ measure }) => appliesTo(configuration, measure))
    .map(({ figure }) => figure.id);
}

const all = (prefix: string): string[] =>
  measuresBy('run')
    .map(({ figure }) => figure.id)
    .filter((id) => id.startsWith(prefix));

describe('figures that apply to a run', () => {
  it('are all of the trace’s for train as it is, whatever its seed, payload, fabric and jitter', () => {
    for (const flags of [{}, { seed: 7, payload: { kind: 'none' }, fabric: 'memory', jitter: 0 }]) {
      expect(applying('train', flags)).to.include.members(all('train.trace.'));
      expect(applying('train', flags)).not.to.include.members(all('decode.'));
    }
  });

  it('are, at other ranks, those that depend on the tokens of a rank alone', () => {
    const ids = applying('train', { ranks: 32 });
    expect(ids).to.include.members(['train.trace.phase.attn(F)', 'train.trace.phase.attn(W)', 'train.trace.ctas.gemm']);
    expect(ids).not.to.include('train.trace.phase.mlp(F)').and.not.to.include('train.trace.span');
    expect(ids).not.to.include('train.trace.transfer.dispatch(F)');
  });

  it('are, with another era or network, those that no transfer moves', () => {
    for (const [flags, settings] of [
      [{ era: 'apr25' }, []],
      [{}, ['hardware.ports.rdma.bandwidthGBps=100']],
    ] as const) {
      const ids = applying('train', flags, [...settings]);
      expect(ids).to.include.members(['train.trace.phase.attn(F)', 'train.trace.ctas.gemm']);
      expect(ids).not.to.include('train.trace.span').and.not.to.include('train.trace.transfer.dispatch(F)');
    }
  });

  it('are none of the trace’s for another schedule, machine, model or number of tokens', () => {
    const others: [Record<string, unknown>, string[]][] = [
      [{ overlap: 'none' }, []],
      [{ tokensPerMicrobatch: 2048 }, []],
      [{ slowRanks: [{ rank: 1, factor: 2 }] }, []],
      [{}, ['schedule.communicationSms=24']],
      [{}, ['model.hidden=4096']],
    ];
    for (const [flags, settings] of others) {
      expect(applying('train', flags, settings), JSON.stringify([flags, settings])).to.deep.equal([]);
    }
  });

  it('still judge a run whose kernels were given other rates', () => {
    expect(applying('train', {}, ['hardware.kernels.gemm-fp8.nsPerK=3'])).to.include.members(all('train.trace.'));
  });

  it('do not ask for the name of a model of the same sizes', () => {
    expect(applying('train', {}, ['model.name=deepseek-r1'])).to.include.members(all('train.trace.'));
  });

  it('are the decode kernels at 128 tokens, those of the experts at 128 ranks alone', () => {
    expect(applying('decode')).to.include.members([...all('decode.kernel.'), 'day6.decode.node_tps']);
    const fewer = applying('decode', { ranks: 64, routing: 'statistical' });
    expect(fewer).to.include('decode.kernel.mla_core').and.not.to.include('decode.kernel.up_gate_grouped_gemm');
    expect(applying('decode', { tokensPerMicrobatch: 64 })).to.deep.equal([]);
    expect(applying('decode', { kvLength: 8192 })).to.deep.equal([]);
  });

  it('are Insights’ layer and time per token at its 32 tokens', () => {
    expect(applying('decode', { tokensPerMicrobatch: 32 })).to.have.members(['insights.layer_us', 'insights.tpot_ms']);
  });

  it('are the production figure alone for prefill', () => {
    expect(applying('prefill')).to.deep.equal(['day6.prefill.node_tps']);
    expect(applying('prefill', { promptLengths: [8192, 8192] })).to.deep.equal([]);
  });
});

describe('rows of a run', () => {
  const configuration = configurationOf('train', { fabric: 'memory' });
  const nothing = new RunFigures({
    facts: new ProgramFacts(buildProgram(configuration), 1),
    ranks: 1,
    experts: 256,
  }).result();
  const timeline = { ...nothing.timeline, rankSpanUs: 130_000, serialUs: 260_000, commBusyPct: 90 };
  const role = { role: 'transfer', collectiveRole: 'transfer', class: 'communication' } as const;
  const kernel = { ...role, label: null, category: 'x', ctas: 20, count: 4, meanUs: 4400 };
  const phase = { name: 'dispatch(F)', stream: 27, kind: 'communication', count: 4 } as const;
  const times = { meanUs: 1, minUs: 1, maxUs: 1, busyUs: 1, exposedUs: 0 };
  const figures: FigureReport = {
    ...nothing,
    timeline,
    phases: [{ ...phase, ...times }],
    kernels: [
      { ...kernel, phase: 'dispatch(F)', kernel: 'dispatch', category: 'dispatch forward' },
      { ...kernel, phase: 'dispatch(F)', kernel: 'layout', role: null, collectiveRole: 'layout', count: 8 },
    ],
    phaseOrders: [
      { stream: 27, phases: ['combine(B)', 'dispatch(F)', 'dispatch(B)', 'combine(F)'] },
      { stream: 7, phases: ['attn(F)', 'mlp(B)'] },
      { stream: 7, phases: ['mlp(B)', 'attn(F)'] },
    ],
    rankZero: { ...nothing, timeline: { ...timeline, rankSpanUs: 131_000 } },
  };
  const throughput = { tokensPerSecondPerGpu: 2000, tokensPerSecondPerNode: 16_000 };
  const rows = new Map(calibrationRows(configuration, { figures, throughput }).map((row) => [row.id, row]));

  it('take the mean of the ranks’ own spans, and rank 0 beside', () => {
    expect(rows.get('train.trace.span')).to.include({ emulated: 130_000, rank0: 131_000, withinTolerance: true });
    expect(rows.get('train.trace.serial_over_span')).to.include({ emulated: 2, withinTolerance: false });
  });

  it('take transfers, kernels of a phase and thread blocks from the kernels', () => {
    expect(rows.get('train.trace.transfer.dispatch(F)')).to.include({ emulated: 4400 });
    expect(rows.get('train.trace.kernels.dispatch(F)')).to.include({ emulated: 3, withinTolerance: true });
    expect(rows.get('train.trace.ctas.communication')).to.include({ emulated: 20, withinTolerance: true });
  });

  it('find an order only where all cells of all ranks have it', () => {
    expect(rows.get('train.trace.order.communication')).to.include({ withinTolerance: true });
    const compute = rows.get('train.trace.order.compute');
    expect(compute).to.include({ emulated: 'attn(F) mlp(B) | mlp(B) attn(F)', withinTolerance: false });
  });

  it('leave out what the run has none of, and what follows from a throughput that it has not', () => {
    expect(rows.has('train.trace.phase.attn(F)')).to.equal(false);
    // 2000 tokens a second and GPU are 353.9 billion a day on 2048.
    expect(rows.get('insights.table4.tokens_day_B.MPFT')?.emulated).to.be.closeTo(353.9, 0.1);
    expect(rows.get('insights.table4.tokens_day_B.MPFT')).not.to.have.property('rank0');
    const bare = calibrationRows(configuration, { figures, throughput: null }).map(({ id }) => id);
    expect(bare).to.include('train.trace.span').and.not.to.include('v3.gpuhours');
  });
});

describe('rows of collectives and kernels alone', () => {
  it('come from one case for each mode, era, ranks and tokens', () => {
    const cases = collectiveCases();
    expect(new Set(cases.map((each) => JSON.stringify(each))).size).to.equal(cases.length);
    expect(cases).to.deep.include({ mode: 'normal', era: 'apr25', ranks: 32 });
    const outcome = {
      nodesPerToken: 2,
      dispatch: { us: 1000, gbps: 43, bytes: 1 },
      combine: { us: 2000, gbps: 50, bytes: 1 },
    };
    const rows = new Map(
      collectiveRows({ mode: 'normal', era: 'feb25', ranks: 16 }, outcome).map((row) => [row.id, row]),
    );
    expect(rows.get('deepep.normal.feb25.ep16.dispatch_bw')).to.include({ emulated: 43, withinTolerance: true });
    expect(rows.get('deepep.normal.feb25.ep16.combine_bw')).to.include({ emulated: 50, withinTolerance: false });
    expect(rows.get('derived.normal.feb25.ep16.unique_nodes')).to.include({ emulated: 2 });
    expect(rows.get('derived.normal.feb25.ep16.combine_us')).to.include({ emulated: 2000 });
  });

  it('have a time or a rate for every shape that was measured', () => {
    const rows = kernelRows();
    expect(rows).to.have.lengthOf(measuresBy('kernel').length);
    for (const { id, emulated } of rows) expect(emulated, id).to.be.a('number').above(0);
    const rate = (id: string): number => Number(rows.find((row) => row.id === id)?.emulated);
    // Fewer rows fill the SMs less.
    expect(rate('deepgemm.dense_128x7168x16384')).to.be.below(rate('deepgemm.dense_4096x7168x16384'));
  });
});
