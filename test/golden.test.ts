import { resolveConfiguration } from '@epemu/config';
import { hardwareNames, modelNames } from '@epemu/presets';
import { Columns } from '@epemu/core';
import { replay } from '@epemu/timeline';
import type { RankTimeline } from '@epemu/timeline';
import { expect } from 'chai';
import { SCENARIOS, small } from './support/configuration.js';
import { GOLDEN_CONFIGURATIONS } from './support/golden-configurations.js';
import { differenceText, goldenOf, readGolden } from './support/golden-file.js';
import { replayedDigest, runLocally } from './support/local-run.js';
import type { LocalRun } from './support/local-run.js';

/** A change here is a change of virtual time: it must be meant, and said in the commit that changes it. */
describe('golden digests', () => {
  const golden = readGolden();

  for (const [name, sources] of Object.entries(GOLDEN_CONFIGURATIONS)) {
    it(`of ${name} is what it was, live and replayed`, async () => {
      const run = await runLocally(resolveConfiguration(sources));
      const kept = golden[name] ?? { digest: 'none', tracks: {} };
      if (run.digest !== kept.digest) expect.fail(differenceText(name, kept, run));
      expect(goldenOf(run)).to.deep.equal(kept);
      expect(replayedDigest(run), 'replayed').to.equal(kept.digest);
    });
  }

  it('are of 22 runs, and of no others', () => {
    expect(Object.keys(golden)).to.deep.equal(Object.keys(GOLDEN_CONFIGURATIONS)).with.lengthOf(22);
    expect(new Set(Object.values(golden).map((kept) => kept?.digest)).size).to.equal(22);
  });

  it('are of all hardware and models that there are', () => {
    const configurations = Object.values(GOLDEN_CONFIGURATIONS).map((sources) => resolveConfiguration(sources));
    expect(new Set(configurations.map(({ hardware }) => hardware.name))).to.deep.equal(new Set(hardwareNames()));
    expect(new Set(configurations.map(({ model }) => model.name))).to.deep.equal(new Set(modelNames()));
  });

  for (const scenario of SCENARIOS) {
    it(`of a small ${scenario} leave the launches out, on which live ranks and a replay agree`, async () => {
      const { configuration, program, timelines, records } = await runLocally(small(scenario));
      const launches = (of: readonly RankTimeline[]): number[][] =>
        of.map(({ events }) => [...events.column('launchNs')]);
      const live = launches(timelines);
      expect(launches(replay(configuration, program, records))).to.deep.equal(live);
      if (program.launch === 'graph') expect(new Set(live.flat())).to.deep.equal(new Set([0]));
      else expect(new Set(live[0]).size, 'one by one').to.equal(live[0].length);
    });
  }
});

describe('a golden digest that fails', () => {
  let run: LocalRun;

  before(async () => {
    run = await runLocally(resolveConfiguration(GOLDEN_CONFIGURATIONS['decode']));
  });

  /** @returns the run with the events of a rank changed. */
  function changed(rank: number, change: (rows: number[][]) => number[][]): LocalRun {
    const timelines = run.timelines.map((timeline) => {
      if (timeline.rank !== rank) return timeline;
      const { names } = timeline.events;
      const values = names.map((name) => timeline.events.column(name));
      const rows = change([...values[0].keys()].map((row) => values.map((column) => column[row])));
      const columns = names.map((_, index) => Float64Array.from(rows, (row) => row[index]));
      return { ...timeline, events: Columns.from(names, columns) };
    });
    return { ...run, timelines };
  }

  it('names the first event of a stream that differs, and the command that explains it', () => {
    const END = 4;
    const later = changed(0, (rows) => rows.map((row, i) => row.map((of, at) => of + (i >= 5 && at === END ? 7 : 0))));
    const text = differenceText('decode', goldenOf(run), later);
    const start = run.timelines[0].events.column('startNs')[5];
    const end = run.timelines[0].events.column('endNs')[5];
    expect(text).to.match(/rank 0, stream 7, event 5, ATTN-\d\(\d\) of layer \d, micro-batch \d: /);
    expect(text).to.include(`is at ${start}–${end + 7} ns, it was at ${start}–${end} ns`);
    expect(text).to.include('node scripts/explain-digest.mjs decode');
    expect(text).to.not.include('rank 3');
  });

  it('tells of events that are there no more, and of other ranks', () => {
    const fewer = changed(3, (rows) => rows.slice(0, -2));
    expect(differenceText('decode', goldenOf(run), fewer)).to.match(
      /rank 3, stream 7: only \d+ of \d+ events \(what happens in it is something else, too\)/,
    );
    const another = changed(1, (rows) => rows.slice(0, -2));
    expect(differenceText('decode', goldenOf(run), another)).to.include('others differ, or rows of experts');
  });
});
