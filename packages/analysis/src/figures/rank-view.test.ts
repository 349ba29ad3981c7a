import { expect } from 'chai';
import fc from 'fast-check';
import { COMBINE, DISPATCH, GEMM, analysedRanks, kernel } from '../trace.test-helper.js';
import type { Item } from '../trace.test-helper.js';

const TICKS = 60;
const NAMES = { compute: GEMM, communication: DISPATCH, memory: 'Memcpy DtoD (Device -> Device)' } as const;

interface Span {
  readonly from: number;
  readonly length: number;
}

interface Piece extends Span {
  readonly what: keyof typeof NAMES;
  readonly stream: number;
}

const SPAN = { from: fc.nat(TICKS - 12), length: fc.nat(11) };
const PIECES = fc.array(
  fc.record({
    ...SPAN,
    what: fc.constantFrom<(keyof typeof NAMES)[]>('compute', 'communication', 'memory'),
    stream: fc.nat(3),
  }),
  { minLength: 1, maxLength: 14 },
);
const TRANSFERS = fc.array(fc.record(SPAN), { maxLength: 4 });

/** By µs: whether some span covers it. */
function covered(spans: readonly Span[]): boolean[] {
  return Array.from({ length: TICKS }, (_, at) => spans.some(({ from, length }) => from <= at && at < from + length));
}

const counted = (ticks: readonly boolean[], from: number, to: number): number =>
  1000 * ticks.slice(from, to).filter(Boolean).length;

/** The definitions, word by word, µs by µs. */
function plainFigures(pieces: readonly Piece[], transfers: readonly Span[], window?: readonly [number, number]) {
  const of = (what: Piece['what']): boolean[] => covered(pieces.filter((piece) => piece.what === what));
  const sent = covered(transfers);
  const compute = of('compute');
  const communication = of('communication').map((is, at) => is || sent[at]);
  const all = of('memory').map((is, at) => is || compute[at] || communication[at]);
  const [from, to] = window ?? (all.includes(true) ? [all.indexOf(true), all.lastIndexOf(true) + 1] : [0, 0]);
  const both = compute.map((is, at) => is && communication[at]);
  // A stream is for communication if that is most of its time and of its kernels, copies aside.
  const streams = [0, 1, 2, 3].filter((stream) => {
    const own = pieces.filter((piece) => piece.stream === stream);
    const sent = own.filter(({ what }) => what === 'communication');
    const computed = own.filter(({ what }) => what === 'compute');
    const time = (list: readonly Piece[]): number => list.reduce((sum, { length }) => sum + length, 0);
    return sent.length > computed.length && 2 * time(sent) > time(own);
  });
  const onStream = covered(pieces.filter(({ stream }) => streams.includes(stream))).map((is, at) => is || sent[at]);
  return {
    spanNs: 1000 * (to - from),
    computeNs: counted(compute, from, to),
    commNs: counted(communication, from, to),
    overlapNs: counted(both, from, to),
    exposedNs: counted(communication, from, to) - counted(both, from, to),
    idleNs: 1000 * (to - from) - counted(all, from, to),
    commStreamNs: counted(streams.length > 0 ? onStream : communication, from, to),
  };
}

function eventsOf(pieces: readonly Piece[], transfers: readonly Span[]): Item[] {
  const network = { cat: 'network', name: 'SENT', pid: 9, tid: 1 };
  return [
    ...pieces.map(({ what, stream, from, length }) => {
      const cat = what === 'memory' ? 'gpu_memcpy' : 'kernel';
      return kernel(NAMES[what], stream, from, length, { cat });
    }),
    ...transfers.flatMap(({ from, length }, id) => [
      { ...network, ph: 'b', id, ts: from },
      { ...network, ph: 'e', id, ts: from + length },
    ]),
  ];
}

describe('overlap figures of any trace', () => {
  it('are those that counting µs by µs gives, with and without transfers, in and without a window', async () => {
    await fc.assert(
      fc.asyncProperty(PIECES, TRANSFERS, fc.nat(30), fc.nat(30), async (pieces, transfers, from, length) => {
        const { set } = await analysedRanks([eventsOf(pieces, transfers)]);
        // Captured time begins with whatever comes first.
        const zero = Math.min(...[...pieces, ...transfers].map((span) => span.from));
        const moved = <Item extends Span>(list: readonly Item[]): Item[] =>
          list.map((span) => ({ ...span, from: span.from - zero }));
        const window = { startNs: 1000 * from, endNs: 1000 * (from + length) };
        for (const withTransfers of [true, false]) {
          const sent = withTransfers ? moved(transfers) : [];
          const plain = plainFigures(moved(pieces), sent);
          expect(set.ranks[0].figures(withTransfers)).to.deep.include(plain);
          const inWindow = plainFigures(moved(pieces), sent, [from, from + length]);
          expect(set.ranks[0].figures(withTransfers, window)).to.deep.include(inWindow);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('do not depend on the order of events in the file', async () => {
    const shuffled = PIECES.chain((pieces) =>
      fc.tuple(fc.constant(pieces), fc.shuffledSubarray(pieces, { minLength: pieces.length })),
    );
    await fc.assert(
      fc.asyncProperty(shuffled, async ([pieces, other]) => {
        const [one, two] = await Promise.all([pieces, other].map((list) => analysedRanks([eventsOf(list, [])])));
        expect(two.set.ranks[0].figures(true)).to.deep.equal(one.set.ranks[0].figures(true));
      }),
      { numRuns: 50 },
    );
  });

  it('count a stream that computes and waits for others as one for computation, whatever it waits', async () => {
    const layer = (at: number): Item[] => [
      kernel(GEMM, 7, at, 5),
      kernel(GEMM, 7, at + 5, 5),
      kernel(DISPATCH, 7, at + 10, 90),
    ];
    const { analysis } = await analysedRanks([[0, 100, 200, 300, 400].flatMap(layer)]);
    expect(analysis.streams[0].role).to.equal('computation');
    expect(analysis.timeline.commBusyPct).to.equal(90);
    expect(analysis.steady!.layerUs.mean).to.equal(100);
  });

  it('have exposed pieces that add up to the exposed time and name who fills them', async () => {
    const { analysis } = await analysedRanks([
      [kernel(GEMM, 7, 0, 10), kernel(DISPATCH, 27, 5, 20), kernel(GEMM, 7, 30, 10), kernel(COMBINE, 27, 35, 10)],
    ]);
    expect(analysis.exposed).to.deep.include.members([
      {
        ...{ rank: 0, phase: 'dispatch', startUs: 10, us: 15 },
        waitsFor: 'transfer',
        blocked: 'beside dispatch',
        lastRank: null,
      },
    ]);
    const sum = analysis.exposed.reduce((total, { us }) => total + us, 0);
    expect(sum).to.equal(analysis.timeline.exposedCommUs);
    expect(sum).to.equal(20);
  });
});
