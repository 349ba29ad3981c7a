import { Columns } from '@epemu/core';
import { expect } from 'chai';
import fc from 'fast-check';
import { canonicalRecord, canonicalTimeline } from './canonical.js';
import { decodeRecord, decodeTimeline, encodeRecord, encodeTimeline } from './rank-encoding.js';
import { emptyTimeline } from './rank-timeline.js';
import type { RankTimeline } from './rank-timeline.js';
import { emptyRecord } from './rank-record.js';

/** Takes rows of several queues in the turns that a list of numbers decides; each queue keeps its order. */
function interleaved(queues: readonly (readonly number[][])[], turns: readonly number[]): number[][] {
  const left = queues.map((queue) => [...queue]);
  const result: number[][] = [];
  for (let turn = 0; left.some((queue) => queue.length > 0); turn++) {
    const open = left.filter((queue) => queue.length > 0);
    result.push(open[(turns[turn] ?? 0) % open.length].shift()!);
  }
  return result;
}

function rowsOf<Names extends string>(columns: Columns<Names>): number[][] {
  return Array.from({ length: columns.count }, (_, row) => columns.names.map((name) => columns.column(name)[row]));
}

/** Two streams of events and two ports of services, recorded in the given turns. */
function recorded(turns: readonly number[]): RankTimeline {
  const timeline = emptyTimeline(3);
  // Operation 2's kernels on both streams; on a stream, in program order.
  const compute = [0, 1, 2, 2, 5].map((operation, i) => [7, i, operation, i * 100, i * 100 + 50, i * 3]);
  const communication = [2, 3, 3].map((operation, i) => [27, i, operation, i * 70, i * 70 + 30, i * 5]);
  for (const row of interleaved([compute, communication], turns)) timeline.events.push(...row);
  const ports = [0, 1].map((port) =>
    [1, 1, 4].map((operation, i) => [port, operation, 1, 5, 3, 5, i, 100, i * 9, i * 9 + 8]),
  );
  for (const row of interleaved(ports, turns)) timeline.services.push(...row);
  return timeline;
}

describe('canonicalTimeline', () => {
  it('is the same in whatever turns streams and ports recorded', () => {
    const expected = canonicalTimeline(recorded([]));
    fc.assert(
      fc.property(fc.array(fc.nat(1), { minLength: 10, maxLength: 10 }), (turns) => {
        const timeline = canonicalTimeline(recorded(turns));
        expect(rowsOf(timeline.events)).to.deep.equal(rowsOf(expected.events));
        expect(rowsOf(timeline.services)).to.deep.equal(rowsOf(expected.services));
      }),
    );
  });

  it('orders events by stream and operation, and leaves kernels of one operation as recorded', () => {
    const { events, rank } = canonicalTimeline(recorded([1, 1, 0, 1]));
    expect(rank).to.equal(3);
    expect([...events.column('stream')]).to.deep.equal([7, 7, 7, 7, 7, 27, 27, 27]);
    expect([...events.column('operation')]).to.deep.equal([0, 1, 2, 2, 5, 2, 3, 3]);
    expect([...events.column('kernel')]).to.deep.equal([0, 1, 2, 3, 4, 0, 1, 2]);
  });

  it('loses and changes no row', () => {
    const timeline = recorded([0, 1, 0, 1]);
    const text = (rows: number[][]): string[] => rows.map((row) => row.join()).sort();
    expect(text(rowsOf(canonicalTimeline(timeline).services))).to.deep.equal(text(rowsOf(timeline.services)));
  });
});

describe('records of a rank as bytes', () => {
  it('come back as they were: the timeline', () => {
    const timeline = recorded([1, 0, 1]);
    timeline.transfers.push(4, 2 ** 40, 2 ** 40 + 1);
    timeline.receipts.push(0, 1, 100, 800, 60);
    const decoded = decodeTimeline(encodeTimeline(timeline));
    expect(decoded.rank).to.equal(3);
    for (const kind of ['events', 'services', 'transfers', 'receipts'] as const) {
      expect(rowsOf<string>(decoded[kind])).to.deep.equal(rowsOf<string>(timeline[kind]));
    }
  });

  it('come back as they were: the operations, in canonical order', () => {
    const operations = emptyRecord(7);
    operations.durations.push(1, 0, 500, 550, 30);
    operations.durations.push(0, 1, 300, 300, 0);
    operations.durations.push(0, 0, 200, 200, 0);
    operations.segments.push(2, 2, 1, 7, 1, 0, 4096);
    operations.segments.push(2, 1, 1, 7, 1, 0, 4096);
    operations.copies.push(2, 2, 64, 100, 300);
    operations.copies.push(2, 1, 64, 100, 290);
    operations.expertHashes.push(0, 0, 9, 4, ...Array.from({ length: 8 }, (_, i) => 0xffffffff - i));
    const decoded = decodeRecord(encodeRecord(canonicalRecord(operations)));
    expect(decoded.rank).to.equal(7);
    expect(rowsOf(decoded.durations)).to.deep.equal([
      [0, 0, 200, 200, 0],
      [0, 1, 300, 300, 0],
      [1, 0, 500, 550, 30],
    ]);
    expect([...decoded.segments.column('hop')]).to.deep.equal([1, 2]);
    expect(rowsOf(decoded.copies)).to.deep.equal([
      [2, 1, 64, 100, 290],
      [2, 2, 64, 100, 300],
    ]);
    expect(rowsOf(decoded.expertHashes)).to.deep.equal(rowsOf(operations.expertHashes));
  });

  it('are refused as the other kind', () => {
    expect(() => decodeTimeline(encodeRecord(emptyRecord(0)))).to.throw(/^columns stream, kernel, .* are damaged/);
    expect(() => decodeRecord(encodeTimeline(emptyTimeline(0)))).to.throw(
      /^columns operation, index, soloNs, besideNs, memoryNs are damaged/,
    );
  });
});
