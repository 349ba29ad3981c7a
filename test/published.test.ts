import { expect } from 'chai';
import { resolveConfiguration } from '@epemu/config';
import { FigureAccumulator } from '@epemu/timeline';
import type { FigureReport } from '@epemu/timeline';
import { runLocally } from './support/local-run.js';
import type { LocalRun } from './support/local-run.js';

/**
 * Figures measured in DeepSeek's published training trace (deepseek-ai/profile-data, train.json: rank 0 of 64, four
 * cells), µs. Emulated ones are means over ranks at the published size, with the default routing.
 */
const PUBLISHED = {
  transferUs: { 'dispatch(F)': 4346, 'combine(B)': 3405, 'combine(F)': 5994, 'dispatch(B)': 6368 },
  phaseUs: { 'attn(F)': 4599, 'mlp(B)': 5363, 'mlp(W)': 5073, 'mlp(F)': 4641, 'attn(B)': 9540, 'attn(W)': 2396 },
  cellUs: { mean: 32_253, min: 31_307, max: 32_846 },
  notifyPct: 28.45,
  overlapPct: 96.31,
  exposedPct: 3.25,
  idlePct: 0.39,
  computePct: 96.34,
} as const;

/** @returns the mean duration of a phase's transfer kernel, and notify's share of the communication stream, %. */
function communicationOf({ program, timelines }: LocalRun): { transferUs: Map<string, number>; notifyPct: number } {
  const sums = new Map<string, { ns: number; count: number }>();
  let busyNs = 0;
  let notifyNs = 0;
  for (const { events } of timelines) {
    const [operations, kernels, starts, ends] = (['operation', 'kernel', 'startNs', 'endNs'] as const).map((name) =>
      events.column(name),
    );
    operations.forEach((id, i) => {
      const operation = program.operations[id];
      if (operation.kind !== 'collective') return;
      const durationNs = ends[i] - starts[i];
      const role = operation.kernels.find(({ kernel }) => kernel === kernels[i])?.role;
      busyNs += durationNs;
      if (role === 'notify') notifyNs += durationNs;
      if (role !== 'transfer') return;
      const sum = sums.get(operation.phase) ?? { ns: 0, count: 0 };
      sums.set(operation.phase, { ns: sum.ns + durationNs, count: sum.count + 1 });
    });
  }
  const transferUs = new Map([...sums].map(([phase, { ns, count }]) => [phase, ns / count / 1000]));
  return { transferUs, notifyPct: (100 * notifyNs) / busyNs };
}

describe('the training scenario at its published size', () => {
  let run: LocalRun;
  let figures: FigureReport;

  before(async function () {
    this.timeout(180_000);
    // Without payload: the same events, and no arithmetic to wait for.
    const payload = { kind: 'none' };
    run = await runLocally(resolveConfiguration({ scenario: 'train', flags: { fabric: 'memory', payload } }));
    const accumulator = new FigureAccumulator(run.program, run.configuration.model.experts);
    for (const timeline of run.timelines) accumulator.add(timeline);
    figures = accumulator.result();
  });

  it('spends in each transfer what the trace does, within 10 %', () => {
    const { transferUs } = communicationOf(run);
    for (const [phase, us] of Object.entries(PUBLISHED.transferUs)) {
      expect(transferUs.get(phase), phase).to.be.within(us * 0.9, us * 1.1);
    }
  });

  it('spends in each compute phase what the trace does, within 5 %', () => {
    for (const [name, us] of Object.entries(PUBLISHED.phaseUs)) {
      expect(figures.phases.find((phase) => phase.name === name)?.meanUs, name).to.be.within(us * 0.95, us * 1.05);
    }
  });

  it('takes as long for a cell as the trace does, within 5 %: mean, least and most', () => {
    for (const key of ['mean', 'min', 'max'] as const) {
      const us = PUBLISHED.cellUs[key];
      expect(figures.timeline.layerUs[key], key).to.be.within(us * 0.95, us * 1.05);
    }
  });

  it('waits in notify, from the skew of its own ranks alone, as much as the trace does, within 10 points', () => {
    expect(communicationOf(run).notifyPct).to.be.closeTo(PUBLISHED.notifyPct, 10);
  });

  it('hides, exposes and idles as the trace does, within 2 points', () => {
    const { timeline } = figures;
    expect(timeline.overlapPct).to.be.closeTo(PUBLISHED.overlapPct, 2);
    expect(timeline.exposedCommPct).to.be.closeTo(PUBLISHED.exposedPct, 2);
    expect(timeline.idlePct).to.be.closeTo(PUBLISHED.idlePct, 0.5);
    expect(timeline.computeBusyPct).to.be.closeTo(PUBLISHED.computePct, 2);
  });
});
