import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { analyze, writeChakra, writeCsv } from '@epemu/analysis';
import type { AnalysedSet, ChakraNode, ChakraTrace } from '@epemu/analysis';
import { isOutPort } from '@epemu/schedule';
import { writeTraces } from './support/analysed.js';
import { SCENARIOS, small } from './support/configuration.js';
import { runLocally } from './support/local-run.js';
import type { LocalRun } from './support/local-run.js';
import { TemporaryFolder } from './support/temporary.js';

/** `sender receiver` and the bytes over their link in each operation, in the order of operations, of the timelines. */
function bytesOfTimelines({ timelines }: LocalRun): Map<string, number[]> {
  const bytes = new Map<string, Map<number, number>>();
  for (const { rank, services } of timelines) {
    const columns = (['port', 'peer', 'operation', 'bytes'] as const).map((name) => services.column(name));
    const [ports, peers, operations, sizes] = columns;
    ports.forEach((port, row) => {
      if (!isOutPort(port)) return;
      const key = `${rank} ${peers[row]}`;
      const sums = bytes.get(key) ?? new Map<number, number>();
      bytes.set(key, sums);
      sums.set(operations[row], (sums.get(operations[row]) ?? 0) + sizes[row]);
    });
  }
  return new Map([...bytes].map(([key, sums]) => [key, [...sums.values()].sort((a, b) => a - b)]));
}

function valueOf({ attr }: ChakraNode, name: string): number {
  const found = attr.find((item) => item.name === name);
  return found?.int64_val ?? found?.int32_val ?? Number.NaN;
}

function bytesOfNodes(nodes: readonly ChakraNode[]): Map<string, number[]> {
  const bytes = new Map<string, number[]>();
  for (const node of nodes) {
    const key = `${valueOf(node, 'comm_src')} ${valueOf(node, 'comm_dst')}`;
    bytes.set(
      key,
      [...(bytes.get(key) ?? []), valueOf(node, 'comm_size')].sort((a, b) => a - b),
    );
  }
  return bytes;
}

for (const scenario of SCENARIOS) {
  describe(`exports of a ${scenario} run`, () => {
    const temporary = new TemporaryFolder();
    const traces = temporary.fresh('traces');
    let run: LocalRun;
    let analysed: AnalysedSet;

    before(async () => {
      run = await runLocally(small(scenario));
      await writeTraces(run, traces);
      analysed = await analyze([traces]);
    });
    after(() => {
      temporary.remove();
    });

    it('kernels.csv has every kernel of the timelines with its times, and when it was launched', async () => {
      const folder = temporary.fresh('csv');
      const { notes } = await writeCsv(analysed, folder);
      expect(notes).to.deep.equal([]);
      const text = readFileSync(join(folder, 'kernels.csv'), 'utf8');
      // Names may have commas; the first two and the last four columns have none.
      const rows = text
        .split('\n')
        .slice(1, -1)
        .map((line) => line.split(','));
      const found = rows.map((cells) => [...cells.slice(0, 2), ...cells.slice(-4)].join(' '));
      const expected = run.timelines.flatMap(({ rank, events }) => {
        const columns = ['stream', 'startNs', 'endNs', 'launchNs'] as const;
        const [streams, starts, ends, launches] = columns.map((name) => events.column(name));
        const us = (ns: number): string => (ns / 1000).toFixed(3);
        return Array.from(starts, (startNs, row) => {
          const times = [startNs, ends[row], ends[row] - startNs, launches[row]].map(us);
          return [rank, streams[row], ...times].join(' ');
        });
      });
      expect(found.sort()).to.deep.equal(expected.sort());
    });

    it('Chakra’s sends are the bytes that went over the links in each operation, and receives are the same', async () => {
      const { notes, files } = await writeChakra(analysed, temporary.fresh('chakra'));
      expect(notes).to.deep.equal([]);
      expect(files).to.have.length(16);
      const nodes = files.flatMap((path) => (JSON.parse(readFileSync(path, 'utf8')) as ChakraTrace).nodes);
      const expected = bytesOfTimelines(run);
      expect(expected.size).to.be.greaterThan(16);
      for (const type of ['COMM_SEND_NODE', 'COMM_RECV_NODE']) {
        const found = bytesOfNodes(nodes.filter((node) => node.type === type));
        expect(new Map([...found].sort())).to.deep.equal(new Map([...expected].sort()));
      }
    });
  });
}
