import { join } from 'node:path';

import { expect } from 'chai';

import type { TraceEvent } from './event.js';
import { program, RUN, stoppedTimeline, timeline, withDirectory } from './fixture.test-helper.js';
import { lintTrace } from './lint.js';
import { MergedTraceWriter, type MergedTraceOptions } from './merged-writer.js';
import { readTrace } from './reader.js';
import type { TraceStatistics } from './run.js';
import { RunTrace } from './run-trace.js';

interface Merged {
  readonly statistics: TraceStatistics;
  readonly events: readonly TraceEvent[];
  readonly metadata: Readonly<Record<string, unknown>>;
}

async function merge(path: string, layers: number, segments = 2, options: MergedTraceOptions = {}): Promise<Merged> {
  const shared = program(layers);
  const writer = MergedTraceWriter.open(path, new RunTrace(RUN, shared), options);
  for (let rank = 0; rank < RUN.ranks; rank++) await writer.addRank(timeline(shared, rank, RUN.ranks, segments));
  const statistics = await writer.close();
  return { statistics, ...(await readTrace(path)) };
}

/** Ids of flow starts and of flow ends. */
function flowIds(events: readonly TraceEvent[]): { starts: Set<unknown>; ends: Set<unknown> } {
  const ids = (ph: string): Set<unknown> => new Set(events.filter((event) => event.ph === ph).map(({ id }) => id));
  return { starts: ids('s'), ends: ids('f') };
}

describe('MergedTraceWriter', () => {
  it('writes a file in which lint finds nothing', () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'trace.json.gz');
      await merge(path, 3);
      expect(await lintTrace(path)).to.deep.equal([]);
    }));

  it('holds every kernel of every rank to the nanosecond, and no host launch', () =>
    withDirectory(async (directory) => {
      const { events, statistics } = await merge(join(directory, 'trace.json.gz'), 3);
      expect(statistics.events).to.equal(events.length);
      const shared = program(3);
      for (let rank = 0; rank < RUN.ranks; rank++) {
        const kernels = events.filter(({ pid, args }) => pid === 1 + rank && args?.correlation !== undefined);
        const written = timeline(shared, rank, RUN.ranks).events;
        expect(kernels.map(({ args }) => args!['start ns'])).to.deep.equal([...written.column('startNs')]);
        expect(kernels.map(({ args }) => args!['end ns'])).to.deep.equal([...written.column('endNs')]);
      }
      expect(events.filter(({ cat }) => cat === 'cuda_runtime')).to.be.empty;
    }));

  it('names processes so that they sort by rank', () =>
    withDirectory(async (directory) => {
      const { events } = await merge(join(directory, 'trace.json'), 1);
      const names = events.filter(({ name }) => name === 'process_name').map(({ args }) => args!.name);
      expect(names).to.deep.equal([
        'rank 000 (node 0, GPU 0)',
        'rank 001 (node 0, GPU 1)',
        'rank 002 (node 1, GPU 0)',
        'rank 003 (node 1, GPU 1)',
      ]);
    }));

  it('draws one flow per segment, whose ends two ranks number alike without knowing of each other', () =>
    withDirectory(async (directory) => {
      const { events } = await merge(join(directory, 'trace.json'), 2, 3);
      const { starts, ends } = flowIds(events);
      // 3 collectives in each of 2 layers, 12 ordered pairs, 3 segments.
      expect(starts.size).to.equal(3 * 2 * 12 * 3);
      expect(ends).to.deep.equal(starts);
    }));

  it('ends the flows of a background transfer at the kernel that waits for it', () =>
    withDirectory(async (directory) => {
      const { events } = await merge(join(directory, 'trace.json'), 1);
      const wait = events.find(({ name, pid }) => name === 'wait DISPATCH(0)' && pid === 1)!;
      const ends = events.filter(
        ({ ph, pid, ts }) => ph === 'f' && pid === 1 && ts! >= wait.ts! && ts! <= wait.ts! + wait.dur!,
      );
      expect(ends).to.have.length(3 * 2);
    }));

  it('leads each arrow from the slice that begins earlier, though some receive in kernels that began before the sender’s', () =>
    withDirectory(async (directory) => {
      const { events } = await merge(join(directory, 'trace.json'), 2);
      // As Perfetto binds: to the last slice of the row to begin, by time and then by place in the file.
      const inOrder = [...events.entries()].sort(([i, a], [j, b]) => a.ts! - b.ts! || i - j).map(([, event]) => event);
      const bound = new Map<TraceEvent, TraceEvent>();
      const last = new Map<string, TraceEvent>();
      for (const event of inOrder) {
        const row = `${event.pid} ${event.tid}`;
        if (event.ph === 'X') last.set(row, event);
        else if (event.ph === 's' || event.ph === 'f') bound.set(event, last.get(row)!);
      }
      const around = (event: TraceEvent): TraceEvent => bound.get(event)!;
      const starts = new Map(events.filter(({ ph }) => ph === 's').map((event) => [event.id, event]));
      const inKernels = { all: 0, late: 0 };
      for (const end of events.filter(({ ph }) => ph === 'f')) {
        const start = starts.get(end.id)!;
        expect(around(end).ts).to.be.at.least(around(start).ts!);
        expect(end.ts).to.be.at.least(start.ts!);
        inKernels.all++;
        if (around(end).cat !== 'arrival') continue;
        inKernels.late++;
        expect(around(end).name).to.match(new RegExp(`^\\S+.* from rank ${Number(start.pid) - 1}$`));
        expect(events.find(({ name, pid, tid }) => name === 'thread_name' && pid === end.pid && tid === end.tid)).to
          .exist;
      }
      expect(inKernels.late)
        .to.be.above(0)
        .and.below(inKernels.all / 2 + 1);
    }));

  it('draws no flows of a run that did not finish, says so, and is sound without the ranks that are missing', () =>
    withDirectory(async (directory) => {
      const shared = program(2);
      // Rank 0 never began, ranks 1 and 2 stopped in the middle of an operation, rank 3 is missing.
      for (const kernels of [1, 4, 7, 12, 15]) {
        const path = join(directory, `trace-${kernels}.json.gz`);
        const writer = MergedTraceWriter.open(path, new RunTrace(RUN, shared), { complete: false });
        await writer.addRank(stoppedTimeline(shared, 0, RUN.ranks, 0));
        await writer.addRank(stoppedTimeline(shared, 1, RUN.ranks, kernels));
        await writer.addRank(stoppedTimeline(shared, 2, RUN.ranks, kernels + 6));
        const statistics = await writer.close();
        expect(await lintTrace(path)).to.deep.equal([]);
        const { events, metadata } = await readTrace(path);
        expect(statistics.events).to.equal(events.length);
        expect(events.filter(({ args }) => args?.correlation !== undefined)).to.have.length(2 * kernels + 6);
        expect(events.filter(({ ph }) => ph === 's' || ph === 'f')).to.be.empty;
        expect(metadata.thinning).to.have.nested.property('flows.kept', 0);
        expect(metadata.thinning).to.have.nested.property('flows.rule', 'the run did not finish: flows are left out');
      }
    }));

  it('is sound without any rank', () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'trace.json.gz');
      await MergedTraceWriter.open(path, new RunTrace(RUN, program(1)), { complete: false }).close();
      expect(await lintTrace(path)).to.deep.equal([]);
    }));

  it('stays below its limit by leaving out flows at both ends, and says so', () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'trace.json.gz');
      const limit = 600_000;
      const { events, statistics, metadata } = await merge(path, 10, 40, { maximumUnpackedBytes: limit });
      expect(statistics.bytesUnpacked)
        .to.be.below(limit)
        .and.above(limit * 0.7);
      const { starts, ends } = flowIds(events);
      expect(starts.size)
        .to.be.above(100)
        .and.below(3 * 10 * 12 * 40);
      expect(ends).to.deep.equal(starts);
      expect(await lintTrace(path)).to.deep.equal([]);
      expect(metadata.thinning).to.have.nested.property('flows.kept', starts.size);
      expect(metadata.thinning).to.have.nested.property('flows.of', 3 * 10 * 12 * 40);
    }));

  it('leaves out the shortest kernels of ranks other than 0 when kernels alone exceed the limit', () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'trace.json.gz');
      const limit = 190_000;
      const { events, statistics } = await merge(path, 10, 2, { maximumUnpackedBytes: limit });
      expect(statistics.bytesUnpacked).to.be.below(limit);
      const durations = (pid: number): number[] =>
        events
          .filter((event) => event.pid === pid && event.args?.correlation !== undefined)
          .map(({ args }) => (args!['end ns'] as number) - (args!['start ns'] as number));
      expect(durations(1)).to.have.length(program(10).operations.reduce((sum, { kernels }) => sum + kernels.length, 0));
      expect(durations(2).length).to.be.below(durations(1).length).and.above(0);
      expect(Math.min(...durations(1))).to.equal(300);
      expect(Math.min(...durations(2))).to.be.above(300);
      expect(await lintTrace(path)).to.deep.equal([]);
    }));

  it('leaves out whole ranks, the highest first, when phases alone exceed the limit', () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'trace.json.gz');
      const limit = 60_000;
      const { statistics, metadata } = await merge(path, 10, 2, { maximumUnpackedBytes: limit });
      expect(statistics.bytesUnpacked).to.be.below(limit);
      const { ranks } = metadata.thinning as { ranks: { kept: number; of: number } };
      expect(ranks.of).to.equal(4);
      expect(ranks.kept).to.be.below(4).and.above(0);
      expect(await lintTrace(path)).to.deep.equal([]);
    }));

  it('writes the same bytes from the same timelines', () =>
    withDirectory(async (directory) => {
      const options = { maximumUnpackedBytes: 200_000 };
      const first = await merge(join(directory, 'a.json'), 10, 5, options);
      const second = await merge(join(directory, 'b.json'), 10, 5, options);
      expect(second).to.deep.equal(first);
    }));

  it('refuses a rank that it has', () =>
    withDirectory(async (directory) => {
      const shared = program(1);
      const writer = MergedTraceWriter.open(join(directory, 'trace.json'), new RunTrace(RUN, shared));
      await writer.addRank(timeline(shared, 0, 4));
      const failure = await writer.addRank(timeline(shared, 0, 4)).catch((error: unknown) => error);
      expect(failure).to.have.property('message', 'rank 0 is in the merged trace already');
      await writer.close();
    }));
});
