import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { madeSet, withFolder } from '../made-set.test-helper.js';
import type { Step } from '../made-set.test-helper.js';
import type { AnalysedSet } from '../../analysis.js';
import { RankNodes } from './nodes.js';
import { exchangesOf } from './exchanges.js';
import type { ChakraNode, ChakraTrace } from './schema.js';
import { writeChakra } from './write-chakra.js';

function nodesOf({ set, collectives }: AnalysedSet): Map<number, ChakraNode[]> {
  const { byRank } = exchangesOf(set, collectives);
  return new Map(
    set.ranks.map((rank) => [rank.rank, [...new RankNodes(rank, set.facts, byRank.get(rank.rank)!).nodes()]]),
  );
}

function numberOf({ attr }: ChakraNode, name: string): number | undefined {
  const found = attr.find((item) => item.name === name);
  return found?.int64_val ?? found?.int32_val;
}

const of = (nodes: readonly ChakraNode[], type: ChakraNode['type']): ChakraNode[] =>
  nodes.filter((node) => node.type === type);

/** `source destination tag size`, which a send and its receive have in common. */
const pairOf = (node: ChakraNode): string =>
  ['comm_src', 'comm_dst', 'comm_tag', 'comm_size'].map((name) => String(numberOf(node, name))).join(' ');

const RUNS = fc.integer({ min: 2, max: 5 }).chain((ranks) => {
  const each = <Item>(item: fc.Arbitrary<Item>): fc.Arbitrary<Item[]> =>
    fc.array(item, { minLength: ranks, maxLength: ranks });
  const ns = fc.integer({ min: 0, max: 50_000 });
  const bytes = each(each(fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 1e9 }))));
  const compute: fc.Arbitrary<Step> = fc.record({ kind: fc.constant('compute' as const), ns: each(ns) });
  const exchange: fc.Arbitrary<Step> = fc.record({
    kind: fc.constant('exchange' as const),
    split: fc.boolean(),
    bytes: fc.option(bytes, { nil: undefined, freq: 4 }),
    ns,
  });
  const first = compute;
  return fc.record({
    ranks: fc.constant(ranks),
    steps: fc.tuple(first, fc.array(fc.oneof(compute, exchange), { maxLength: 12 })).map(([a, b]) => [a, ...b]),
  });
});

const BYTES = [
  [5, 10, 0],
  [20, 0, 30],
  [0, 40, 0],
];
const COMPUTE: Step = { kind: 'compute', ns: [1000, 2500, 3000] };
const KNOWN: Step = { kind: 'exchange', split: false, bytes: BYTES, ns: 7000 };
const SPLIT: Step = { ...KNOWN, split: true };
const UNKNOWN: Step = { ...KNOWN, bytes: undefined };

describe('Chakra traces', () => {
  it('every send has exactly one receive at its peer, with the same tag and size', () => {
    fc.assert(
      fc.property(RUNS, ({ ranks, steps }) => {
        const byRank = nodesOf(madeSet(ranks, steps));
        const pairs = (type: ChakraNode['type'], own: 'comm_src' | 'comm_dst'): string[] =>
          [...byRank].flatMap(([rank, nodes]) =>
            of(nodes, type).map((node) => {
              expect(numberOf(node, own)).to.equal(rank);
              return pairOf(node);
            }),
          );
        const sent = pairs('COMM_SEND_NODE', 'comm_src').sort();
        expect(pairs('COMM_RECV_NODE', 'comm_dst').sort()).to.deep.equal(sent);
        const tags = sent.map((pair) => pair.split(' ').slice(0, 3).join(' '));
        expect(new Set(tags).size).to.equal(tags.length);
      }),
    );
  });

  it('sends are exactly the bytes that the traces tell of, without what a rank keeps', () => {
    fc.assert(
      fc.property(RUNS, ({ ranks, steps }) => {
        const expected = steps.flatMap((step) =>
          step.kind === 'exchange' && step.bytes !== undefined
            ? step.bytes.flatMap((row, from) =>
                row.flatMap((size, to) => (size === 0 || to === from ? [] : [`${from} ${to} ${size}`])),
              )
            : [],
        );
        const sent = [...nodesOf(madeSet(ranks, steps)).values()].flatMap((nodes) =>
          of(nodes, 'COMM_SEND_NODE').map((node) =>
            ['comm_src', 'comm_dst', 'comm_size'].map((name) => numberOf(node, name)).join(' '),
          ),
        );
        expect(sent.sort()).to.deep.equal(expected.sort());
      }),
    );
  });

  it('ids count from 0 and a node depends only on nodes before it', () => {
    fc.assert(
      fc.property(RUNS, ({ ranks, steps }) => {
        for (const nodes of nodesOf(madeSet(ranks, steps)).values()) {
          nodes.forEach(({ id, ctrl_deps, data_deps }, index) => {
            expect(id).to.equal(index);
            for (const dependency of [...ctrl_deps, ...data_deps]) {
              expect(dependency).to.be.within(0, id - 1);
            }
            expect(new Set(data_deps).size).to.equal(data_deps.length);
            expect(data_deps).to.include.members([...ctrl_deps]);
          });
        }
      }),
    );
  });

  it('every kernel is there with its start and its duration', () => {
    fc.assert(
      fc.property(RUNS, ({ ranks, steps }) => {
        const analysed = madeSet(ranks, steps);
        const byRank = nodesOf(analysed);
        for (const { rank, content } of analysed.set.ranks) {
          const { startNs: starts, endNs: ends } = content.kernels;
          const expected = Array.from(starts, (startNs, row) => `${startNs} ${ends[row] - startNs}`);
          const nodes = byRank.get(rank)!;
          const found = nodes.map((node) => `${numberOf(node, 'start_ns')} ${numberOf(node, 'duration_ns')}`);
          expect([...new Set(found)]).to.have.members([...new Set(expected)]);
          for (const node of nodes) {
            expect(node.start_time_micros).to.equal(Math.round(numberOf(node, 'start_ns')! / 1000));
            expect(node.duration_micros).to.equal(Math.round(numberOf(node, 'duration_ns')! / 1000));
          }
        }
      }),
    );
  });

  it('a kernel that follows a transfer waits for all that it sent and received', () => {
    const nodes = nodesOf(madeSet(3, [COMPUTE, KNOWN, COMPUTE])).get(1)!;
    const ids = nodes.filter(({ type }) => type === 'COMM_SEND_NODE' || type === 'COMM_RECV_NODE').map(({ id }) => id);
    expect(ids).to.have.length(4);
    expect(nodes.at(-1)).to.deep.include({ name: 'gemm', type: 'COMP_NODE' });
    expect(nodes.at(-1)!.data_deps).to.include.members(ids);
  });

  it('of a split collective the first half sends and the second receives', () => {
    const nodes = nodesOf(madeSet(3, [COMPUTE, SPLIT])).get(1)!;
    expect(nodes.map(({ name, type }) => `${type} ${name}`)).to.deep.equal([
      'COMP_NODE gemm',
      'COMM_SEND_NODE pplx::a2a_dispatch_send to 0',
      'COMM_SEND_NODE pplx::a2a_dispatch_send to 2',
      'COMM_RECV_NODE pplx::a2a_dispatch_recv from 0',
      'COMM_RECV_NODE pplx::a2a_dispatch_recv from 2',
    ]);
  });

  it('where sizes are unknown a transfer is one collective without size, and a note says so', () =>
    withFolder(async (folder) => {
      const { notes, files } = await writeChakra(madeSet(3, [COMPUTE, KNOWN, UNKNOWN]), join(folder, 'out'));
      expect(notes).to.have.length(1);
      expect(notes[0]).to.match(/^3 of 6 transfer kernels are one COMM_COLL_NODE each, without comm_size, for the/);
      expect(files.map((path) => path.slice(folder.length))).to.deep.equal(
        [0, 1, 2].map((rank) => `/out/chakra.${rank}.json`),
      );
      const trace = JSON.parse(readFileSync(files[0], 'utf8')) as ChakraTrace;
      expect(trace.global_metadata.version).to.equal('0.0.4');
      expect(trace.global_metadata.attr.find(({ name }) => name === 'notes')?.string_list?.values).to.deep.equal(notes);
      const collectives = of(trace.nodes, 'COMM_COLL_NODE');
      // Both notifies wait for all; the transfer whose sizes are unknown exchanges all with all.
      expect(collectives.map((node) => numberOf(node, 'comm_type'))).to.deep.equal([9, 9, 6]);
      expect(collectives.map((node) => numberOf(node, 'comm_size'))).to.deep.equal([undefined, undefined, undefined]);
    }));

  it('bytes to ranks without a trace are left out, and a note says how many', () =>
    withFolder(async (folder) => {
      const analysed = madeSet(3, [COMPUTE, KNOWN], [0, 1]);
      expect([...nodesOf(analysed).values()].flatMap((nodes) => of(nodes, 'COMM_SEND_NODE').map(pairOf))).to.deep.equal(
        ['0 1 0 10', '1 0 0 20'],
      );
      const { notes } = await writeChakra(analysed, join(folder, 'out'));
      expect(notes).to.deep.equal([
        '30 bytes went to ranks whose traces were not given and are left out; give the traces of all ranks',
      ]);
    }));
});
