import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { analyze } from '@epemu/analysis';
import type { Analysis } from '@epemu/analysis';
import { runScenario } from '@epemu/cluster';
import type { Report } from '@epemu/outputs';
import { resolveConfiguration } from '@epemu/config';
import type { Configuration } from '@epemu/config';
import { figuresOf, runInMemory } from '@epemu/experiments';
import { analysisFigures, exposedText } from '@epemu/pages';
import { expect } from 'chai';
import { SCENARIOS, small, smallFlags } from './support/configuration.js';
import type { ScenarioName } from './support/configuration.js';
import { operationsOfLayerOne, runWithFault } from './support/fault-runs.js';
import { parseMetrics, valueOf } from './support/metrics-text.js';
import { TemporaryFolder } from './support/temporary.js';

type Lists = Configuration['kernels'];

/** A small run whose kernels are others than the built-in ones. */
function withKernels(scenario: ScenarioName, change: (lists: Lists) => Lists): Configuration {
  const kernels = change(small(scenario).kernels);
  return resolveConfiguration({ scenario: { scenario, kernels }, flags: smallFlags(scenario) });
}

/** Kernels by names that no table of names knows; the copies among them too. */
const renamed = (lists: Lists): Lists =>
  Object.fromEntries(
    Object.entries(lists).map(([list, kernels]) => [
      list,
      kernels.map((kernel, index) => ({ ...kernel, name: `our_${index}_${kernel.name.length}` })),
    ]),
  );

/** A user's own lists: an FP8 product and a cast in the place of each phase that only computes. */
const ownLists = (lists: Lists): Lists =>
  Object.fromEntries(
    Object.entries(lists).map(([list, kernels]) => [
      list,
      kernels.some(({ class: kernelClass }) => kernelClass === 'communication')
        ? kernels
        : [
            {
              ...{ name: 'my_gemm', category: 'gemm fp8', kind: 'gemm-fp8', label: 'q_a' },
              ...{ m: 'tokens', n: 'qLoraRank', k: 'hidden', grid: ['sms', 1, 1], block: [384, 1, 1] },
            },
            {
              ...{ name: 'my_cast', category: 'cast', kind: 'fp8-cast', bytes: 'tokens * hidden * 3.03125' },
              ...{ grid: ['tokens', 1, 1], block: [128, 1, 1] },
            },
          ],
    ]),
  ) as Lists;

interface Written {
  readonly report: Report;
  readonly analysis: Analysis;
  readonly folder: string;
}

async function written(folder: string): Promise<Written> {
  const report = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as Report;
  const { analysis } = await analyze([join(folder, 'ranks')]);
  return { report, analysis, folder };
}

/** Report, metrics and page say of a run what an analysis of its rank files finds. */
function expectOneModel({ report, analysis, folder }: Written): void {
  expect(analysis.timeline).to.deep.equal(report.timeline);
  expect(analysis.steady ?? analysis.timeline).to.deep.equal(report.steady);
  expect(analysis.phases).to.deep.equal(report.phases);
  expect(analysis.ranksSummary.map(({ rank, spanUs }) => [rank, spanUs])).to.deep.equal(
    report.ranksSummary.map(({ rank, spanUs }) => [rank, spanUs]),
  );
  // The sentence is made of an analysis; a run's own and one of its traces find the same.
  const said = exposedText(analysis);
  expect(report.finding).to.include(said.slice(0, said.indexOf(': ')));
  const metrics = parseMetrics(readFileSync(join(folder, 'metrics.prom'), 'utf8'));
  const { spanUs, exposedCommUs, overlapPct } = analysis.timeline;
  expect(valueOf(metrics, 'epemu_virtual_run_span_seconds')).to.equal(spanUs / 1e6);
  expect(valueOf(metrics, 'epemu_virtual_run_exposed_communication_seconds')).to.equal(exposedCommUs / 1e6);
  expect(valueOf(metrics, 'epemu_virtual_run_overlap_ratio')).to.equal(overlapPct / 100);
  for (const { name, kind, meanUs } of analysis.phases) {
    const phase = kind === 'network' ? `${name} (network)` : name;
    expect(valueOf(metrics, 'epemu_virtual_phase_seconds', { phase }), phase).to.equal(meanUs / 1e6);
  }
  const page = readFileSync(join(folder, 'report.html'), 'utf8');
  for (const { label, value } of analysisFigures(analysis)) {
    expect(page).to.include(`<dt>${label}</dt><dd class="value">${value}</dd>`);
  }
}

describe('report, page, metrics, validation and an analysis of the rank files give the same figures', () => {
  const temporary = new TemporaryFolder();
  after(() => {
    temporary.remove();
  });

  const cases: Readonly<Record<string, () => Configuration>> = {
    ...Object.fromEntries(SCENARIOS.map((scenario) => [`of ${scenario}`, () => small(scenario)])),
    'of decode with kernels by other names': () => withKernels('decode', renamed),
    'of train with kernels by other names': () => withKernels('train', renamed),
    'of prefill with a user’s kernel lists': () => withKernels('prefill', ownLists),
    'of decode named as DeepEP names its kernels': () => small('decode', { kernelNames: 'deepep' }),
    'of a run too short for steady layers': () => small('decode', { layers: 2 }),
  };
  for (const [name, configurationOf] of Object.entries(cases)) {
    it(name, async () => {
      const configuration = configurationOf();
      const folder = temporary.fresh();
      const { error } = await runScenario({ configuration, out: folder });
      expect(error).to.equal(undefined);
      const run = await written(folder);
      expectOneModel(run);
      expect(run.analysis.timeline.commUs, 'something communicates').to.be.above(0);
      const { timeline, steady, phases, kernels } = figuresOf(await runInMemory(configuration));
      expect({ timeline, steady, phases, kernels }).to.deep.equal({
        timeline: run.report.timeline,
        steady: run.report.steady,
        phases: run.report.phases,
        kernels: run.report.kernels,
      });
    });
  }

  it('of a run that a rank’s end has ended', async () => {
    const folder = temporary.fresh();
    const [, , operation] = operationsOfLayerOne('decode');
    const { code } = await runWithFault('decode', operation.id, 'kill', folder);
    expect(code).to.equal(3);
    const run = await written(folder);
    expect(run.report.status).to.equal('failed');
    expectOneModel(run);
  });
});
