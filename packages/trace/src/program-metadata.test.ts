import { join } from 'node:path';

import type { Program } from '@epemu/schedule';
import { expect } from 'chai';

import { program, RUN, timeline, withDirectory } from './fixture.test-helper.js';
import { MergedTraceWriter } from './merged-writer.js';
import { type ListedOperation, programMetadata } from './program-metadata.js';
import { writeRankTrace } from './rank-writer.js';
import { readTrace } from './reader.js';
import { RunTrace } from './run-trace.js';

interface Described {
  readonly computeSms: number;
  readonly communicationSms: number;
  readonly layerMarker: string;
  readonly operations: readonly ListedOperation[];
}

/** A program in which each operation waits for the two before it, and whose first layer is warm-up. */
function gated(): Program {
  const shared = program(3);
  const operations = shared.operations.map((operation) => ({
    ...operation,
    gates: [operation.id - 2, operation.id - 1].filter((id) => id >= 0),
    recorded: operation.layer > 0,
  }));
  return { ...shared, operations };
}

describe('programMetadata', () => {
  it('lists the recorded operations, and only gates and issues that are listed too', () => {
    const { operations } = programMetadata(new RunTrace(RUN, gated()).facts);
    expect(operations.map(({ id }) => id)).to.deep.equal(Array.from({ length: 14 }, (_, i) => 7 + i));
    expect(operations.slice(0, 3).map(({ gates }) => gates)).to.deep.equal([[], [7], [7, 8]]);
    const ids = new Set(operations.map(({ id }) => id));
    for (const { gates, issue } of operations) {
      for (const id of [...gates, ...(issue === undefined ? [] : [issue])]) expect(ids).to.include(id);
    }
    expect(operations[6]).to.deep.equal({
      ...{ id: 13, phase: 'wait DISPATCH(0)', kind: 'wait', stream: 7, layer: 1, microBatch: 0 },
      ...{ gates: [11, 12], issue: 11, transfer: 'DISPATCH(0)' },
    });
  });

  it('stands in rank files and in the merged trace, with the SMs', () =>
    withDirectory(async (directory) => {
      const shared = gated();
      const [rankPath, mergedPath] = [join(directory, 'rank.json'), join(directory, 'trace.json')];
      await writeRankTrace(rankPath, new RunTrace(RUN, shared), timeline(shared, 0, RUN.ranks));
      const writer = MergedTraceWriter.open(mergedPath, new RunTrace(RUN, shared));
      await writer.addRank(timeline(shared, 0, RUN.ranks));
      await writer.close();
      for (const path of [rankPath, mergedPath]) {
        const { epemu } = (await readTrace(path)).metadata as unknown as { epemu: Described };
        expect(epemu).to.include({ computeSms: 112, communicationSms: 20, layerMarker: 'attn(F)' });
        expect(epemu.operations).to.deep.equal(programMetadata(new RunTrace(RUN, shared).facts).operations);
      }
    }));
});
