import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readTrace } from '@epemu/trace';
import { expect } from 'chai';
import { analyze } from './analyze.js';
import type { AnalysedSet } from './analysis.js';
import { gatesOf } from './path/gates.js';
import { analysed, traceText } from './trace.test-helper.js';
import type { Item } from './trace.test-helper.js';

// The published trace is not part of the repository; beside it where there is one.
const BESIDE = '../shared/reference/train/train.json';
const PUBLISHED = fileURLToPath(new URL(BESIDE, new URL('../../../', import.meta.url)));
const REFERENCE = fileURLToPath(new URL('reference.json', new URL(`file://${PUBLISHED}`)));

/** What an independent reading of the trace found; see its own notes. */
interface Reference {
  readonly streams: Readonly<Record<string, { busy_us: number; count: number }>>;
  readonly phase_means: Readonly<Record<string, { wall_us: number; busy_us: number }>>;
  readonly kernel_classes: Readonly<Record<string, { count: number; total_us: number }>>;
  readonly cells: readonly { readonly start_us: number }[];
  readonly overlap_hta: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly dependencies: Readonly<Record<string, { readonly after: readonly string[] }>>;
  readonly exposed_intervals_over_100us: readonly (readonly [number, number, number])[];
  readonly replay: { readonly predicted_end_us: number; readonly end_us_if_comm_were_free: number };
}

describe('the published training trace, analysed', () => {
  const there = existsSync(PUBLISHED);
  const claim = (title: string, test: () => void | Promise<void>): void => {
    (there ? it : it.skip)(there ? title : `${title} (skipped: ${BESIDE} is missing)`, test);
  };
  let found: AnalysedSet;
  let reference: Reference;

  before(async () => {
    if (!there) return;
    found = await analyze([PUBLISHED]);
    reference = JSON.parse(readFileSync(REFERENCE, 'utf8')) as Reference;
  });

  claim('has the overlap figures that HTA gives once it knows DeepEP’s names', () => {
    const { timeline } = found.analysis;
    const hta = reference.overlap_hta.comm_is_dpsk_ep;
    expect(timeline).to.include({
      spanUs: 129_012,
      computeUs: 124_310,
      commUs: 113_440,
      exposedCommUs: 4190,
      idleUs: 497,
    });
    expect(timeline.computeUs).to.equal(hta.compute_time_us);
    expect(timeline.overlapPct).to.be.closeTo(hta.comp_comm_overlap_pctg, 0.005);
    expect(timeline.idlePct).to.be.closeTo(hta.idle_time_pctg, 0.005);
    expect(timeline.exposedCommPct).to.be.closeTo(hta.exposed_comm_pct_of_kernel_time, 0.005);
  });

  claim('is steady in its second and third cell', () => {
    const { steady, layers } = found.analysis;
    const hta = reference.overlap_hta.steady_window_cells_1_2;
    expect(layers).to.deep.equal({ marker: 'attn(F)', count: 4 });
    expect(steady).to.include({
      spanUs: hta.kernel_time_us,
      computeUs: hta.compute_time_us,
      commUs: hta.comm_merged_us,
      exposedCommUs: hta.exposed_comm_us,
      idleUs: hta.idle_time_us,
    });
    expect(steady!.overlapPct).to.be.closeTo(hta.comp_comm_overlap_pctg, 0.005);
  });

  claim('has layers that start with its cells', () => {
    const starts = found.set.ranks[0].content.instances.filter(({ phase }) => phase === 'attn(F)');
    expect(starts.map(({ startNs }) => startNs / 1000)).to.deep.equal(reference.cells.map(({ start_us }) => start_us));
  });

  claim('keeps each stream busy as long as the reference says', () => {
    for (const { stream, busyUs, kernels, role } of found.analysis.streams) {
      const { busy_us, count } = reference.streams[stream];
      expect({ stream, busyUs, kernels }).to.deep.equal({ stream, busyUs: busy_us, kernels: count });
      expect(role, stream).to.equal(stream === '27' ? 'communication' : 'computation');
    }
  });

  claim('has every phase, four of each, with the walls and busy times of the reference', () => {
    const { phases, phasesInferred } = found.analysis;
    expect(phasesInferred).to.equal(false);
    expect(phases.map(({ name }) => name)).to.have.members(Object.keys(reference.phase_means));
    for (const { name, meanUs, busyUs, count } of phases) {
      expect(count, name).to.equal(4);
      expect(meanUs, name).to.be.closeTo(reference.phase_means[name].wall_us, 0.06);
      expect(busyUs, name).to.be.closeTo(reference.phase_means[name].busy_us, 0.06);
    }
  });

  claim('has as many kernels of each class', () => {
    const of = (...names: string[]): { count: number; total_us: number } => {
      const found = Object.entries(reference.kernel_classes).filter(([name]) => names.some((n) => name.includes(n)));
      const sum = (key: 'count' | 'total_us'): number => found.reduce((total, [, entry]) => total + entry[key], 0);
      return { count: sum('count'), total_us: sum('total_us') };
    };
    const expected = {
      notify: of('notify'),
      layout: of('layout'),
      attention: of('attention backward', 'attention forward'),
      'copy and fill': of('memcpy', 'memset'),
      'grouped gemm': of('grouped gemm'),
      dispatch: of('dispatch forward', 'combine backward'),
      combine: of('combine forward', 'dispatch backward'),
    };
    for (const [category, { count, total_us }] of Object.entries(expected)) {
      const own = found.analysis.kernelClasses.find(({ name }) => name === category);
      if (category === 'attention') expect(own!.count).to.be.at.least(count);
      else expect({ category, count: own?.count, us: own?.totalUs }).to.deep.equal({ category, count, us: total_us });
    }
    expect(found.analysis.kernels).to.equal(963 + 8 + 12);
  });

  claim('exposes the pieces over 100 µs that the reference lists, and tells what they wait for', () => {
    const long = found.analysis.exposed.filter(({ us }) => us > 100);
    const pieces = long.map(({ startUs, us }) => [startUs, startUs + us, us]).sort((a, b) => a[0] - b[0]);
    expect(pieces).to.deep.equal(reference.exposed_intervals_over_100us);
    expect(long[0]).to.include({ phase: 'dispatch(B)', waitsFor: 'transfer', blocked: 'attn(B)', lastRank: null });
  });

  claim('divides its SMs by the grid of its transfers', () => {
    expect(found.analysis).to.include({ communicationSms: 20, computeSms: 112, gpu: 'NVIDIA H800', worldSize: 64 });
  });

  claim('ends in a replay when the reference’s own replay does, and with free communication too', () => {
    const { criticalPath } = found.analysis;
    expect(criticalPath!.replayedEndUs).to.equal(reference.replay.predicted_end_us);
    const free = criticalPath!.answers.find(({ id }) => id === 'free-communication');
    expect(free!.endUs).to.equal(reference.replay.end_us_if_comm_were_free);
  });

  claim('has phases wait for those of the other stream that the reference finds', () => {
    const [view] = found.set.ranks;
    const rank = view.content;
    const gates = gatesOf(view, found.set.facts);
    for (const [phase, { after }] of Object.entries(reference.dependencies)) {
      const instances = rank.instances.flatMap((instance, index) => (instance.phase === phase ? [index] : []));
      for (const text of after) {
        const [awaited, before] = text.replace(' (previous cell)', '|').split('|');
        const [one, other] = [awaited, phase].map((name) => rank.instances.find((each) => each.phase === name)!.stream);
        if (one === other) continue;
        instances.forEach((index, cell) => {
          if (before !== undefined && cell === 0) return;
          expect(
            gates[index].map((gate) => rank.instances[gate].phase),
            `${phase} of cell ${cell}`,
          ).to.include(awaited);
        });
      }
    }
  });

  claim('keeps its figures without annotations, and names its collectives by their place', async () => {
    const { metadata, events } = await readTrace(PUBLISHED);
    const bare = events.filter(({ cat }) => cat !== 'user_annotation') as unknown as Item[];
    const { analysis } = await analysed({ 'bare.json': traceText(undefined, bare, metadata) });
    expect(analysis.phasesInferred).to.equal(true);
    for (const key of ['computeUs', 'commUs', 'exposedCommUs', 'idleUs', 'overlapPct'] as const) {
      expect(analysis.timeline[key], key).to.equal(found.analysis.timeline[key]);
    }
    const named = analysis.phases.filter(({ kind }) => kind === 'communication');
    expect(named.map(({ name, count }) => `${count} ${name}`)).to.include.members([
      '4 dispatch 1',
      '4 dispatch 2',
      '4 combine 1',
      '4 combine 2',
    ]);
    expect(analysis.layers.count).to.be.at.least(3);
    expect(analysis.steady).not.to.equal(null);
  });
});
