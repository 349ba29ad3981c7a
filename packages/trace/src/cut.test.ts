import { join } from 'node:path';

import { expect } from 'chai';
import fc from 'fast-check';

import { TraceCut, type TraceWindow } from './cut.js';
import type { TraceEvent } from './event.js';
import { program, RUN, timeline, withDirectory } from './fixture.test-helper.js';
import { lintTrace } from './lint.js';
import { MergedTraceWriter } from './merged-writer.js';
import { readTrace } from './reader.js';
import { RunTrace } from './run-trace.js';

const LAYERS = 6;
const PROGRAM = program(LAYERS);
const TRACE = new RunTrace({ ...RUN, tracks: true }, PROGRAM);
const TIMELINES = Array.from({ length: RUN.ranks }, (_, rank) => timeline(PROGRAM, rank, RUN.ranks));
const END_NS = Math.max(...TIMELINES.flatMap(({ events }) => [...events.column('endNs')]));

interface Cut {
  readonly events: readonly TraceEvent[];
  readonly metadata: Readonly<Record<string, unknown>>;
}

async function merge(path: string, window?: TraceWindow, maximumUnpackedBytes?: number): Promise<Cut> {
  const cut = new TraceCut(window);
  if (cut.isTimed) for (const each of TIMELINES) cut.note(each);
  const limit = maximumUnpackedBytes === undefined ? {} : { maximumUnpackedBytes };
  const writer = MergedTraceWriter.open(path, TRACE, { cut, ...limit });
  for (const each of TIMELINES) await writer.addRank(each);
  const { bytesUnpacked, events } = await writer.close();
  if (maximumUnpackedBytes !== undefined) expect(bytesUnpacked).to.be.below(maximumUnpackedBytes);
  const read = await readTrace(path);
  expect(read.events).to.have.length(events);
  expect(await lintTrace(path)).to.deep.equal([]);
  return read;
}

const isKernel = ({ args }: TraceEvent): boolean => args?.correlation !== undefined;
const keyOf = (event: TraceEvent): string => JSON.stringify(event);

describe('TraceCut', () => {
  it('says nothing of a window where none is given', () =>
    withDirectory(async (directory) => {
      const whole = await merge(join(directory, 'a.json'));
      expect(whole.metadata).not.to.have.property('window');
      expect(whole.metadata.epemu).to.have.property('content', 'all ranks, virtual time');
    }));

  it('keeps of a run what the window names, whole phases, both ends of each arrow, and no other event', () =>
    withDirectory(async (directory) => {
      const whole = await merge(join(directory, 'whole.json'));
      const known = new Set(whole.events.map(keyOf));
      const bounds = (most: number): fc.Arbitrary<{ first: number; last: number }> =>
        fc.tuple(fc.nat(most), fc.nat(most)).map(([a, b]) => ({ first: Math.min(a, b), last: Math.max(a, b) }));
      const times = fc.tuple(fc.nat(END_NS), fc.integer({ min: 1, max: END_NS }));
      const windows = fc.record(
        { layers: bounds(LAYERS - 1), ranks: bounds(RUN.ranks - 1), steps: bounds(0), times },
        { requiredKeys: [] },
      );
      await fc.assert(
        fc.asyncProperty(windows, async ({ times: span, ...named }) => {
          const time = span === undefined ? {} : { fromNs: span[0], toNs: span[0] + span[1] };
          const window: TraceWindow = { text: 'some', ...named, ...time };
          const { events, metadata } = await merge(join(directory, 'cut.json'), window);
          const { fromNs = 0, toNs = Infinity, ranks = { first: 0, last: RUN.ranks }, layers } = window;
          const inWindow = ({ pid, args }: TraceEvent): boolean => {
            const [rank, layer] = [Number(pid) - 1, args!.layer as number];
            return (
              ranks.first <= rank && rank <= ranks.last && (!layers || (layers.first <= layer && layer <= layers.last))
            );
          };
          const touching = ({ args }: TraceEvent): boolean =>
            (args!['start ns'] as number) < toNs && (args!['end ns'] as number) > fromNs;
          const kernels = events.filter(isKernel);
          // Every kernel that touches the window is there, and of others those alone whose phase does.
          const wanted = whole.events.filter((event) => isKernel(event) && inWindow(event) && touching(event));
          const kept = new Set(kernels.map(keyOf));
          for (const event of wanted) expect(kept.has(keyOf(event))).to.equal(true);
          for (const event of kernels) expect(inWindow(event)).to.equal(true);
          const phases = new Set(events.filter(({ cat }) => cat === 'gpu_user_annotation').map(keyOf));
          for (const phase of phases) expect(known.has(phase)).to.equal(true);
          expect(metadata.window).to.have.nested.property('kernels.inWindow', kernels.length);
          expect(metadata.window).to.have.nested.property('kernels.of', whole.events.filter(isKernel).length);
          const ids = (ph: string): unknown[] => events.filter((event) => event.ph === ph).map(({ id }) => id);
          expect(new Set(ids('s'))).to.deep.equal(new Set(ids('f')));
          for (const { ph, ts } of events) {
            if (!['B', 'E', 'C'].includes(ph)) continue;
            expect(ts).to.be.within(Math.round(fromNs / 1000), Math.round(Math.min(toNs, END_NS) / 1000));
          }
        }),
        { numRuns: 40 },
      );
    }));

  it('says in the file what was cut, and holds to the limit still', () =>
    withDirectory(async (directory) => {
      const window: TraceWindow = { text: 'layers=2-3', layers: { first: 2, last: 3 } };
      const { metadata } = await merge(join(directory, 'cut.json'), window, 60_000);
      expect(metadata.window).to.deep.include({ text: 'layers=2-3', layers: { first: 2, last: 3 } });
      expect(metadata.epemu).to.have.property('content', 'part of a run (layers=2-3), virtual time');
      expect(metadata.thinning).to.have.nested.property('limitBytes', 60_000);
    }));

  it('has whole what thinning would have taken from the whole run', () =>
    withDirectory(async (directory) => {
      const limit = 90_000;
      const whole = await merge(join(directory, 'whole.json'), undefined, limit);
      const one: TraceWindow = { text: 'layers=2', layers: { first: 2, last: 2 } };
      const cut = await merge(join(directory, 'cut.json'), one, limit);
      const ofLayer = ({ events }: Cut): number =>
        events.filter((event) => isKernel(event) && event.args!.layer === 2).length;
      expect(ofLayer(cut)).to.be.above(ofLayer(whole));
      expect(cut.metadata.thinning).to.have.nested.property('kernels.kept', ofLayer(cut));
      expect(cut.metadata.thinning).to.have.nested.property('kernels.of', ofLayer(cut));
    }));
});
