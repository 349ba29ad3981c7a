import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { outPort } from '@epemu/schedule';
import type { Program } from '@epemu/schedule';

import { bytesTo, emptyTimeline } from '@epemu/timeline';
import { expect } from 'chai';
import fc from 'fast-check';

import { program, RUN, timeline, withDirectory } from './fixture.test-helper.js';
import { MergedTraceWriter, type MergedTraceOptions } from './merged-writer.js';
import { writeRankTrace } from './rank-writer.js';
import { readTrace } from './reader.js';
import { RunTrace } from './run-trace.js';

interface Matrix {
  readonly senders: number[];
  readonly rdma: number[][];
  readonly nvlink: number[][];
}

async function merged(path: string, added: readonly number[], options: MergedTraceOptions = {}): Promise<unknown> {
  const shared = program(3);
  const writer = MergedTraceWriter.open(path, new RunTrace(RUN, shared), options);
  for (const rank of added) await writer.addRank(timeline(shared, rank, RUN.ranks));
  await writer.close();
  return (await readTrace(path)).metadata.bytes;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

const LINKS: Program['links'] = [
  { name: 'rdma', reach: 'cluster' },
  { name: 'nvlink', reach: 'node' },
];

describe('bytes over links', () => {
  it('sum up to what the out-ports served, port by port, whatever the in-ports did', () => {
    const service = fc.record({ port: fc.nat(3), peer: fc.nat(7), bytes: fc.nat(1e9) });
    fc.assert(
      fc.property(fc.array(service, { maxLength: 60 }), (services) => {
        const { services: columns } = emptyTimeline(0);
        for (const { port, peer, bytes } of services) columns.push(port, 1, 1, peer, 0, peer, 0, bytes, 0, 1);
        const { rdma, nvlink } = bytesTo(columns, LINKS, 8);
        const served = (port: number): number =>
          sum(services.filter((one) => one.port === port).map(({ bytes }) => bytes));
        expect(sum([...rdma])).to.equal(served(outPort(0)));
        expect(sum([...nvlink])).to.equal(served(outPort(1)));
      }),
    );
  });

  it('stand in rank files, and as the rows of the merged trace', () =>
    withDirectory(async (directory) => {
      const matrix = (await merged(join(directory, 'trace.json'), [0, 1, 2, 3])) as Matrix;
      expect(matrix.senders).to.deep.equal([0, 1, 2, 3]);
      const shared = program(3);
      for (const rank of matrix.senders) {
        const path = join(directory, 'rank.json');
        await writeRankTrace(path, new RunTrace(RUN, shared), timeline(shared, rank, RUN.ranks));
        const { epemu } = (await readTrace(path)).metadata as { epemu: { bytesTo: unknown } };
        expect(epemu.bytesTo).to.deep.equal({ rdma: matrix.rdma[rank], nvlink: matrix.nvlink[rank] });
      }
      // 3 layers of 3 collectives, 2 segments of 7168 bytes times 1 + the receiver; nodes of two ranks.
      expect(matrix.nvlink[1]).to.deep.equal([18 * 7168, 0, 0, 0]);
      expect(matrix.rdma[1]).to.deep.equal([0, 0, 18 * 7168 * 3, 18 * 7168 * 4]);
    }));

  it('name the senders where ranks are missing, and count ranks that are thinned out', () =>
    withDirectory(async (directory) => {
      const matrix = (await merged(join(directory, 'few.json'), [0, 2], { complete: false })) as Matrix;
      expect(matrix.senders).to.deep.equal([0, 2]);
      expect(matrix.rdma).to.have.length(2);
      const thinned = (await merged(join(directory, 'thin.json'), [0, 1, 2, 3], {
        maximumUnpackedBytes: 18_000,
      })) as Matrix;
      expect(thinned.rdma).to.have.length(4);
    }));

  it('are left out where they would not fit: the limit holds', () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'trace.json');
      for (const maximumUnpackedBytes of [200, 2_000, 6_000]) {
        expect(await merged(path, [0, 1, 2, 3], { maximumUnpackedBytes })).to.equal(undefined);
      }
    }));

  it('are left out above 512 ranks', () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'trace.json');
      const shared = program(1);
      const writer = MergedTraceWriter.open(path, new RunTrace({ ...RUN, ranks: 513 }, shared));
      await writer.addRank(timeline(shared, 0, 513, 1));
      await writer.close();
      expect(await readFile(path, 'utf8')).not.to.include('"bytes":');
    }));
});
