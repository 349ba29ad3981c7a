import { join } from 'node:path';

import { expect } from 'chai';

import type { TraceEvent } from './event.js';
import { program, RUN, stoppedTimeline, timeline, withDirectory } from './fixture.test-helper.js';
import { lintTrace } from './lint.js';
import { MergedTraceWriter, type MergedTraceOptions } from './merged-writer.js';
import { writeRankTrace } from './rank-writer.js';
import { readTrace } from './reader.js';
import { TRACKS_TID } from './run.js';
import { RunTrace } from './run-trace.js';

const PROGRAM = program(10);
const TRACE = new RunTrace({ ...RUN, tracks: true }, PROGRAM);

/** ns of a row's slices, by the exact times in their args. */
function lengthOf(events: readonly TraceEvent[], row: string): number {
  return events
    .filter(({ ph, name }) => ph === 'B' && name === row)
    .reduce((sum, { args }) => sum + (args!['end ns'] as number) - (args!['start ns'] as number), 0);
}

function isTrack({ ph }: TraceEvent): boolean {
  return ['B', 'E', 'C'].includes(ph);
}

/** Whether each row's slices begin and end by turns, on one row each, and do not overlap. */
function checkRows(events: readonly TraceEvent[]): void {
  const open = new Map<string, TraceEvent | undefined>();
  const until = new Map<string, number>();
  for (const event of events.filter(({ ph }) => ph === 'B' || ph === 'E')) {
    const row = `${event.pid}:${event.tid}`;
    if (event.ph === 'B') {
      expect(open.get(row)).to.equal(undefined);
      expect(event.ts).to.be.at.least(until.get(row) ?? 0);
      open.set(row, event);
    } else {
      expect(open.get(row)).to.have.property('name', event.name);
      expect(event.ts).to.be.above(open.get(row)!.ts!);
      until.set(row, event.ts!);
      open.set(row, undefined);
    }
  }
  expect([...open.values()].filter((event) => event !== undefined)).to.deep.equal([]);
}

async function merge(path: string, options: MergedTraceOptions = {}): Promise<Record<string, unknown>> {
  const writer = MergedTraceWriter.open(path, TRACE, options);
  for (let rank = 0; rank < RUN.ranks; rank++) await writer.addRank(timeline(PROGRAM, rank, RUN.ranks, 5));
  const { bytesUnpacked, events } = await writer.close();
  const read = await readTrace(path);
  expect(read.events).to.have.length(events);
  checkRows(read.events);
  expect(await lintTrace(path)).to.deep.equal([]);
  return { bytesUnpacked, events: read.events, ...(read.metadata.thinning as object) };
}

describe('tracks', () => {
  it("show in a rank's file what it computes, communicates, has exposed and is idle for, as its figures have it", () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'rank.json');
      for (let rank = 0; rank < RUN.ranks; rank++) {
        const written = timeline(PROGRAM, rank, RUN.ranks);
        const statistics = await writeRankTrace(path, TRACE, written);
        const { events } = await readTrace(path);
        expect(events).to.have.length(statistics.events);
        const { computeNs, commNs, exposedNs, idleNs } = TRACE.view(written).figures(true);
        const rows = ['computing', 'communicating', 'exposed', 'idle'].map((row) => lengthOf(events, row));
        // Pieces that round to no µs are not drawn.
        const pieces = events.filter(({ ph }) => ph === 'B').length;
        [computeNs, commNs, exposedNs, idleNs].forEach((figure, row) => {
          expect(rows[row])
            .to.be.at.most(figure)
            .and.above(figure - 1000 * pieces);
        });
        const counted = events.filter(({ ph }) => ph === 'C').map(({ args }) => args!.us as number);
        expect(counted.at(0)).to.equal(0);
        expect(counted.at(-1)).to.equal(exposedNs / 1000);
        expect(counted).to.deep.equal([...counted].sort((a, b) => a - b));
        checkRows(events);
        expect(await lintTrace(path)).to.deep.equal([]);
      }
    }));

  it('are all that a file without them lacks, and nothing that a reader of complete events sees', () =>
    withDirectory(async (directory) => {
      const [on, off] = [join(directory, 'on.json'), join(directory, 'off.json')];
      await writeRankTrace(on, TRACE, timeline(PROGRAM, 2, RUN.ranks));
      await writeRankTrace(off, new RunTrace(RUN, PROGRAM), timeline(PROGRAM, 2, RUN.ranks));
      const { events } = await readTrace(on);
      expect(events.some(isTrack)).to.equal(true);
      const others = events.filter((event) => {
        const isRow = event.ph === 'M' && event.pid === 3 && Number(event.tid) >= TRACKS_TID;
        return !isTrack(event) && !isRow;
      });
      expect(others).to.deep.equal((await readTrace(off)).events);
      // TensorBoard's plugin looks up the name of every event.
      for (const { name } of events) expect(name).not.to.equal('');
    }));

  it('are sound wherever a rank was stopped', () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'rank.json');
      for (let kernels = 0; kernels <= 12; kernels++) {
        const { events } = await writeRankTrace(path, TRACE, stoppedTimeline(PROGRAM, 1, 4, kernels));
        const read = await readTrace(path);
        expect(read.events).to.have.length(events);
        checkRows(read.events);
        expect(await lintTrace(path)).to.deep.equal([]);
      }
    }));

  it('take a tenth of a merged trace at most, by closing gaps, and its limit holds; the counter stays exact', () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'trace.json');
      let before = 0;
      for (const maximumUnpackedBytes of [95_000_000, 400_000, 200_000, 100_000, 60_000]) {
        const merged = await merge(path, { maximumUnpackedBytes });
        expect(merged.bytesUnpacked).to.be.below(maximumUnpackedBytes);
        const events = (merged.events as TraceEvent[]).filter(isTrack);
        const { joinedBelowNs, ranksWithout } = merged.tracks as { joinedBelowNs: number; ranksWithout: number };
        expect(joinedBelowNs).to.be.at.least(before);
        before = joinedBelowNs;
        expect(JSON.stringify(events).length).to.be.below(0.13 * maximumUnpackedBytes);
        for (let rank = 0; rank < RUN.ranks && ranksWithout === 0; rank++) {
          const last = events.findLast(({ ph, pid }) => ph === 'C' && pid === 1 + rank);
          if (last === undefined) continue;
          const { exposedNs } = TRACE.view(timeline(PROGRAM, rank, RUN.ranks, 5)).figures(true);
          expect(last.args).to.have.property('us', exposedNs / 1000);
        }
      }
      expect(before).to.be.above(0);
    }));
});
