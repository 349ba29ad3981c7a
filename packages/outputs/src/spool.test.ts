import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Columns } from '@epemu/core';
import { decodeRecord, emptyRecord, emptyTimeline, encodeColumns, encodeRecord, encodeTimeline } from '@epemu/timeline';
import { HOST_EVENT_COLUMNS } from '@epemu/trace';
import { expect } from 'chai';
import { RunSpool } from './spool.js';

describe('the spool of a run', () => {
  let folder: string;
  let spool: RunSpool;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'epemu-spool-'));
    spool = new RunSpool(folder);
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  /** Hands over a rank's timeline, record, or both. */
  function store(rank: number, what: readonly ('timeline' | 'record')[]): void {
    const timeline = emptyTimeline(rank);
    timeline.events.push(7, 0, 0, 10, 20 + rank, 5);
    const record = emptyRecord(rank);
    record.durations.push(0, 0, 10 + rank, 10 + rank, 0);
    record.expertHashes.push(0, 0, 2 + rank, 1, 8, 7, 6, 5, 4, 3, 2, 1);
    if (what.includes('timeline')) spool.storeTimeline(rank, encodeTimeline(timeline));
    if (what.includes('record')) spool.storeRecord(rank, encodeRecord(record));
  }

  it('gives back what ranks handed over', () => {
    store(12, ['timeline', 'record']);
    store(3, ['record', 'timeline']);
    expect([...spool.timeline(12).events.column('endNs')]).to.deep.equal([32]);
    const record = decodeRecord(spool.recordBytes(3));
    expect([...record.durations.column('soloNs')]).to.deep.equal([13]);
    expect([...spool.expertHashes(3).column('expert')]).to.deep.equal([5]);
    expect(Buffer.from(spool.recordBytes(3))).to.deep.equal(Buffer.from(encodeRecord(record)));
  });

  it('lists ascending the ranks of which everything is there', () => {
    store(12, ['timeline', 'record']);
    store(3, ['record', 'timeline']);
    store(5, ['timeline']);
    store(6, ['record']);
    expect(spool.ranks).to.deep.equal([3, 12]);
  });

  it('gives host events by worker, with who they come from', () => {
    for (const worker of [1, 0]) {
      const events = new Columns(HOST_EVENT_COLUMNS);
      events.push(0, 5, 6 + worker, 0, 100, 1);
      const source = { worker, pid: 40 + worker, host: 'here', ranks: [worker], offsetNs: -3 };
      spool.addHostEvents(source, encodeColumns(events));
    }
    const read = [...spool.hostEvents()];
    expect(read.map(({ worker, pid, offsetNs }) => [worker, pid, offsetNs])).to.deep.equal([
      [0, 40, -3],
      [1, 41, -3],
    ]);
    expect(read.map(({ events }) => events.column('endNs')[0])).to.deep.equal([6, 7]);
  });

  it('adds up the counts of the numerics and keeps the largest error', () => {
    spool.addNumerics({
      tokensChecked: 10,
      chainsChecked: 2,
      missing: 1,
      duplicated: 0,
      wrong: 2,
      maxRelativeError: 3e-6,
    });
    spool.addNumerics({
      tokensChecked: 5,
      chainsChecked: 1,
      missing: 0,
      duplicated: 4,
      wrong: 1,
      maxRelativeError: 1e-6,
    });
    expect(spool.numerics).to.deep.equal({
      tokensChecked: 15,
      chainsChecked: 3,
      missing: 1,
      duplicated: 4,
      wrong: 3,
      maxRelativeError: 3e-6,
    });
  });

  it('has no name on disk, so that nothing is left however its process ends', () => {
    store(0, ['timeline', 'record']);
    expect(readdirSync(folder)).to.deep.equal([]);
    spool.remove();
    spool.remove();
    expect(readdirSync(folder)).to.deep.equal([]);
  });

  it('drops what comes after it was removed', () => {
    spool.remove();
    store(0, ['timeline', 'record']);
    expect(() => spool.timeline(0)).to.throw('closed');
  });

  it('keeps what came last of a rank', () => {
    store(1, ['timeline', 'record']);
    const record = emptyRecord(1);
    record.durations.push(0, 0, 99, 99, 0);
    spool.storeRecord(1, encodeRecord(record));
    expect([...decodeRecord(spool.recordBytes(1)).durations.column('soloNs')]).to.deep.equal([99]);
    expect(spool.ranks).to.deep.equal([1]);
  });
});
