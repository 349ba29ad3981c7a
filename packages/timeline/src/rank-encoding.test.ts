import { Columns, InvariantError } from '@epemu/core';
import { inPort, outPort } from '@epemu/schedule';
import { expect } from 'chai';
import { joinParts, splitParts } from './binary.js';
import { canonicalRecord, canonicalTimeline } from './canonical.js';
import { decodeRecord, decodeTimeline, encodeRecord, encodeTimeline } from './rank-encoding.js';
import { emptyTimeline } from './rank-timeline.js';
import type { RankTimeline } from './rank-timeline.js';
import { emptyRecord } from './rank-record.js';
import type { RankRecord } from './rank-record.js';

function columnRows<Names extends string>(columns: Columns<Names>): number[][] {
  const values = columns.names.map((name) => columns.column(name));
  return Array.from({ length: columns.count }, (_, i) => values.map((column) => column[i]));
}

function timelineRows(timeline: RankTimeline): number[][][] {
  const { events, services, transfers, receipts } = timeline;
  return [[[timeline.rank]], columnRows(events), columnRows(services), columnRows(transfers), columnRows(receipts)];
}

function operationRows({ rank, durations, segments, expertHashes }: RankRecord): number[][][] {
  return [[[rank]], columnRows(durations), columnRows(segments), columnRows(expertHashes)];
}

/** What two streams and two ports did, each list in program order. */
const EVENTS = {
  compute: [
    [7, 0, 0, 0, 100, 0],
    [7, 1, 0, 100, 150, 10],
    [7, 0, 2, 200, 300, 40],
  ],
  communication: [
    [27, 2, 1, 102, 180, 20],
    [27, 3, 1, 182, 5_000_000_000, 30],
  ],
};
const SERVICES = {
  out: [
    [outPort(0), 1, 1, 1, 3, 1, 0, 4096, 182, 282],
    [outPort(0), 1, 1, 1, 3, 1, 1, 4096, 282, 382],
  ],
  in: [[inPort(0), 1, 1, 1, 1, 3, 0, 512, 190, 290]],
};

function made(events: readonly number[][], services: readonly number[][]): RankTimeline {
  const timeline = emptyTimeline(3);
  for (const row of events) timeline.events.push(...row);
  for (const row of services) timeline.services.push(...row);
  timeline.transfers.push(1, 182, 290);
  timeline.receipts.push(-1, 0, 9, 12, 7);
  return timeline;
}

function operations(): RankRecord {
  const record = emptyRecord(3);
  record.durations.push(1, 0, 78, 78, 0);
  record.durations.push(0, 0, 100, 100, 0);
  record.segments.push(1, 1, 1, 3, 1, 0, 4096);
  record.expertHashes.push(0, 0, 5, 12, ...Array.from({ length: 8 }, (_, i) => 0xffffffff - i));
  return record;
}

const { compute, communication } = EVENTS;
const TIMELINE = made([...compute, ...communication], [...SERVICES.out, ...SERVICES.in]);

describe('a rank’s record', () => {
  it('of its timeline comes back as it was', () => {
    expect(timelineRows(decodeTimeline(encodeTimeline(TIMELINE)))).to.deep.equal(timelineRows(TIMELINE));
  });

  it('of its operations comes back as it was', () => {
    expect(operationRows(decodeRecord(encodeRecord(operations())))).to.deep.equal(operationRows(operations()));
  });

  it('comes back when the rank did nothing', () => {
    expect(timelineRows(decodeTimeline(encodeTimeline(emptyTimeline(4095))))).to.deep.equal([[[4095]], [], [], [], []]);
    expect(decodeRecord(encodeRecord(emptyRecord(0))).durations.count).to.equal(0);
  });

  it('is refused as a record of the other kind', () => {
    expect(() => decodeTimeline(encodeRecord(operations()))).to.throw(InvariantError, 'are damaged');
    expect(() => decodeRecord(encodeTimeline(TIMELINE))).to.throw(InvariantError);
  });

  it('is refused when a part is cut short, and when it is gone', () => {
    const bytes = encodeTimeline(TIMELINE);
    expect(() => decodeTimeline(bytes.subarray(0, bytes.byteLength - 8))).to.throw(InvariantError);
    expect(() => decodeTimeline(joinParts(splitParts(bytes).slice(1)))).to.throw(InvariantError);
    expect(() => decodeTimeline(new Uint8Array())).to.throw(InvariantError);
  });
});

describe('canonical order', () => {
  const canonical = timelineRows(canonicalTimeline(TIMELINE));

  it('does not depend on how streams and ports took turns while recording', () => {
    const [c0, c1, c2] = compute;
    const [n0, n1] = communication;
    const [s0, s1] = SERVICES.out;
    const [r0] = SERVICES.in;
    for (const [events, services] of [
      [
        [n0, c0, n1, c1, c2],
        [r0, s0, s1],
      ],
      [
        [c0, n0, c1, c2, n1],
        [s0, r0, s1],
      ],
      [
        [n0, n1, c0, c1, c2],
        [s0, s1, r0],
      ],
    ]) {
      expect(timelineRows(canonicalTimeline(made(events, services)))).to.deep.equal(canonical);
    }
  });

  it('keeps the order within an operation as recorded, even at equal times', () => {
    const turned = made([compute[1], compute[0]], []);
    expect(timelineRows(canonicalTimeline(turned))[1]).to.deep.equal([compute[1], compute[0]]);
  });

  it('sorts what was recorded of the operations too', () => {
    expect(columnRows(canonicalRecord(operations()).durations)).to.deep.equal([
      [0, 0, 100, 100, 0],
      [1, 0, 78, 78, 0],
    ]);
  });
});
