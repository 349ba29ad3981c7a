import { InvariantError } from '@epemu/core';
import type { KernelDescription, Program } from '@epemu/schedule';
import { expect } from 'chai';
import { RunDigest } from './digest.js';
import { emptyTimeline } from './rank-timeline.js';
import { emptyRecord } from './rank-record.js';

const kernel = (name: string): KernelDescription => ({
  name,
  class: 'compute',
  category: 'gemm',
  grid: [1, 1, 1],
  block: [1, 1, 1],
});
const PROGRAM: Program = {
  launch: 'graph',
  kernels: [kernel('one'), kernel('two')],
  operations: [],
  links: [
    { name: 'rdma', reach: 'cluster' },
    { name: 'nvlink', reach: 'node' },
  ],
  exchanges: [],
  earlier: [],
  untimed: [],
  neighbours: [],
  roles: [
    { name: 'all', ranks: [0], group: 'all', groupRanks: [0], attends: true, firstOperation: 0, operationCount: 0 },
  ],
  streams: [],
  layerMarker: '',
};

const EVENT = { stream: 7, kernel: 0, operation: 3, startNs: 100, endNs: 250, launchNs: 40 };
const SERVICE = {
  port: 0,
  operation: 3,
  hop: 1,
  peer: 1,
  origin: 0,
  destination: 1,
  segment: 0,
  bytes: 64,
  startNs: 5,
  endNs: 9,
};
const HASH = {
  layer: 0,
  microBatch: 0,
  expert: 2,
  rows: 1,
  word0: 1,
  w1: 2,
  w2: 3,
  w3: 4,
  w4: 5,
  w5: 6,
  w6: 7,
  word7: 8,
};

/** The digest of two ranks; the first has the given event, service and hash. */
function digestOf(changes: {
  event?: Partial<typeof EVENT>;
  service?: Partial<typeof SERVICE>;
  hash?: Partial<typeof HASH>;
  program?: Program;
  more?: boolean;
}): string {
  const digest = new RunDigest(changes.program ?? PROGRAM);
  const timeline = emptyTimeline(0);
  timeline.events.push(...Object.values({ ...EVENT, ...changes.event }));
  timeline.services.push(...Object.values({ ...SERVICE, ...changes.service }));
  const { expertHashes } = emptyRecord(0);
  expertHashes.push(...Object.values({ ...HASH, ...changes.hash }));
  digest.add(timeline, expertHashes);
  const second = emptyTimeline(1);
  if (changes.more === true) second.events.push(...Object.values(EVENT));
  digest.add(second, emptyRecord(1).expertHashes);
  return digest.finish();
}

describe('RunDigest', () => {
  it('is 64 hexadecimal digits, the same for the same run', () => {
    expect(digestOf({}))
      .to.match(/^[0-9a-f]{64}$/)
      .and.equal(digestOf({}));
  });

  it('changes with one ns, one name, one byte, one word and one event more', () => {
    const digests = [
      digestOf({}),
      digestOf({ event: { startNs: 101 } }),
      digestOf({ event: { endNs: 251 } }),
      digestOf({ event: { stream: 27 } }),
      digestOf({ event: { operation: 4 } }),
      digestOf({ event: { kernel: 1 } }),
      digestOf({ service: { port: 2 } }),
      digestOf({ service: { startNs: 6 } }),
      digestOf({ service: { endNs: 10 } }),
      digestOf({ service: { bytes: 65 } }),
      digestOf({ hash: { expert: 3 } }),
      digestOf({ hash: { word7: 9 } }),
      digestOf({ more: true }),
    ];
    expect(new Set(digests).size).to.equal(digests.length);
  });

  it('knows kernels by their names, not by their places in the program', () => {
    const program = { ...PROGRAM, kernels: [kernel('two'), kernel('one')] };
    expect(digestOf({ program, event: { kernel: 1 } })).to.equal(digestOf({}));
  });

  it('takes ranks in order only', () => {
    const digest = new RunDigest(PROGRAM);
    const add = (rank: number) => () => {
      digest.add(emptyTimeline(rank), emptyRecord(rank).expertHashes);
    };
    expect(add(1)).to.throw(InvariantError, '0 was due, 1 came');
    add(0)();
    expect(add(0)).to.throw(InvariantError, '1 was due, 0 came');
  });
});
