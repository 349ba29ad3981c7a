import type { KernelDescription, Operation, OperationKernel, Program } from '@epemu/schedule';
import { ProgramFacts, emptyTimeline, viewOfTimeline } from '@epemu/timeline';
import type { OverlapFigures, RankTimeline, TimeWindow } from '@epemu/timeline';
import { expect } from 'chai';
import { RunFigures } from './run-figures.js';

const COMPUTE = 7;
const COMMUNICATION = 27;

function kernel(name: string, type: KernelDescription['class']): KernelDescription {
  return { name, class: type, category: name, grid: [1, 1, 1], block: [1, 1, 1] };
}

/** Kernels of the test programs, by index. */
const KERNELS = [
  kernel('gemm', 'compute'),
  kernel('cast', 'compute'),
  kernel('notify', 'communication'),
  kernel('transfer', 'communication'),
] as const;
const [GEMM, CAST, NOTIFY, TRANSFER] = [0, 1, 2, 3];

function operation(id: number, phase: string, kind: Operation['kind'], layer: number): Operation {
  const kernels: OperationKernel[] =
    kind === 'compute'
      ? [{ kernel: GEMM }]
      : [{ kernel: CAST }, { kernel: NOTIFY, role: 'notify' }, { kernel: TRANSFER, role: 'transfer' }];
  return {
    id,
    phase,
    kind,
    stream: kind === 'collective' ? COMMUNICATION : COMPUTE,
    row: layer,
    layer,
    dense: false,
    role: 0,
    microBatch: 0,
    step: 0,
    tokens: [],
    direction: 'forward',
    recorded: true,
    gates: [],
    beside: [],
    list: phase,
    kernels,
    ...(kind === 'issue' || kind === 'wait' ? { transfer: phase.replace(/^\w+ /, '') } : {}),
  };
}

function program(operations: readonly Operation[], layerMarker: string): Program {
  const streams = [
    { id: COMPUTE, name: 'compute' },
    { id: COMMUNICATION, name: 'communication' },
  ];
  return {
    launch: 'graph',
    kernels: KERNELS,
    operations,
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
    streams,
    layerMarker,
  };
}

/** @param events rows of stream, kernel, operation, start and end, µs. */
function timeline(rank: number, events: readonly (readonly number[])[]): RankTimeline {
  const made = emptyTimeline(rank);
  for (const [stream, index, id, start, end] of events)
    made.events.push(stream, index, id, start * 1000, end * 1000, 0);
  return made;
}

/**
 * One layer: attn 0–100, cast on the communication stream 60–70, notify 90–120, transfer 122–200, mlp 150–260.
 * Compute: 0–100 and 150–260, 210. Communication: 90–120 and 122–200, 108; of it under compute 10 + 50. Exposed:
 * 100–120 and 122–150, 48. Idle: 120–122.
 */
const ONE_LAYER = [
  [COMPUTE, GEMM, 0, 0, 100],
  [COMMUNICATION, CAST, 1, 60, 70],
  [COMMUNICATION, NOTIFY, 1, 90, 120],
  [COMMUNICATION, TRANSFER, 1, 122, 200],
  [COMPUTE, GEMM, 2, 150, 260],
] as const;

const LAYER_PROGRAM = program(
  [operation(0, 'attn', 'compute', 0), operation(1, 'dispatch', 'collective', 0), operation(2, 'mlp', 'compute', 0)],
  'attn',
);

/** Figures of a rank of a run, with background transfers and by kernels only. */
function rankFigures(
  of: RankTimeline,
  ofProgram: Program,
  window?: TimeWindow,
): OverlapFigures & { readonly kernelsOnly: OverlapFigures } {
  const view = viewOfTimeline(of, new ProgramFacts(ofProgram, 1), 2);
  return { ...view.figures(true, window), kernelsOnly: view.figures(false, window) };
}

describe('figures of a rank of a run', () => {
  it('merges by type over streams and compares as HTA does', () => {
    const figures = rankFigures(timeline(0, ONE_LAYER), LAYER_PROGRAM);
    const { kernelsOnly, ...full } = figures;
    expect(full).to.deep.equal({
      startNs: 0,
      endNs: 260_000,
      spanNs: 260_000,
      computeNs: 210_000,
      commNs: 108_000,
      overlapNs: 60_000,
      exposedNs: 48_000,
      idleNs: 2_000,
      // Cast 10, notify 30, transfer 78.
      commStreamNs: 118_000,
      // attn 100, dispatch 60–200, mlp 110.
      serialNs: 350_000,
    });
    expect(kernelsOnly).to.deep.equal(full);
  });

  it('clips everything to a window', () => {
    const figures = rankFigures(timeline(0, ONE_LAYER), LAYER_PROGRAM, { startNs: 65_000, endNs: 160_000 });
    expect(figures).to.include({
      spanNs: 95_000,
      computeNs: 35_000 + 10_000,
      commNs: 30_000 + 38_000,
      overlapNs: 10_000 + 10_000,
      exposedNs: 48_000,
      idleNs: 2_000,
      commStreamNs: 5_000 + 68_000,
      // attn 65–100, dispatch 65–160, mlp 150–160.
      serialNs: 35_000 + 95_000 + 10_000,
    });
  });

  it('counts a background transfer as communication from its issue, and not at all by kernels only', () => {
    // Issue 0–10, compute 10–50, window 0–80, wait 80–90, compute 90–100.
    const decode = program(
      [
        operation(0, 'issue DISPATCH(0)', 'issue', 0),
        operation(1, 'SHARED(0)', 'compute', 0),
        operation(2, 'wait DISPATCH(0)', 'wait', 0),
        operation(3, 'MLP(0)', 'compute', 0),
      ],
      'issue DISPATCH(0)',
    );
    const made = timeline(0, [
      [COMPUTE, TRANSFER, 0, 0, 10],
      [COMPUTE, GEMM, 1, 10, 50],
      [COMPUTE, TRANSFER, 2, 80, 90],
      [COMPUTE, GEMM, 3, 90, 100],
    ]);
    made.transfers.push(0, 0, 80_000);
    const figures = rankFigures(made, decode);
    expect(figures).to.include({ spanNs: 100_000, computeNs: 50_000, commNs: 90_000, overlapNs: 40_000 });
    expect(figures).to.include({ exposedNs: 50_000, idleNs: 0, commStreamNs: 90_000 });
    // Kernels 10 + 40 + 10 + 10, and the window's 80.
    expect(figures.serialNs).to.equal(150_000);
    expect(figures.kernelsOnly).to.include({ commNs: 20_000, overlapNs: 0, exposedNs: 20_000, idleNs: 30_000 });
    expect(figures.kernelsOnly).to.include({ commStreamNs: 20_000, serialNs: 70_000 });

    const accumulator = new RunFigures({ facts: new ProgramFacts(decode, 1), ranks: 2, experts: 1 });
    accumulator.add(made);
    const report = accumulator.result();
    const transfer = report.phases.find((phase) => phase.name === 'DISPATCH(0)');
    expect(transfer).to.include({ stream: null, count: 1, meanUs: 80, exposedUs: 40 });
    // 50–90 is the window's wait, then the receive kernel: one piece, mostly the transfer.
    expect(report.largestExposed).to.deep.equal({
      rank: 0,
      phase: 'DISPATCH(0)',
      startUs: 50,
      us: 40,
      waitsFor: 'transfer',
      blocked: 'MLP(0)',
    });
  });
});

/** Four layers of attn (marker) and dispatch: attn at `starts`, 60 µs; dispatch from 50 µs later, 30 µs. */
function fourLayers(rank: number, starts: readonly number[], endUs: number): RankTimeline {
  const rows = starts.flatMap((start, layer) => [
    [COMPUTE, GEMM, 2 * layer, start, layer === 3 ? endUs : start + 60],
    [COMMUNICATION, TRANSFER, 2 * layer + 1, start + 50, start + 80],
  ]);
  return timeline(rank, rows);
}

const FOUR_LAYERS = program(
  [0, 1, 2, 3].flatMap((layer) => [
    operation(2 * layer, 'attn', 'compute', layer),
    operation(2 * layer + 1, 'dispatch', 'collective', layer),
  ]),
  'attn',
);

describe('RunFigures', () => {
  const accumulator = new RunFigures({ facts: new ProgramFacts(FOUR_LAYERS, 1), ranks: 2, experts: 4 });
  // In this order, so that the report has to sort.
  const second = fourLayers(1, [10, 110, 210, 310], 400);
  second.receipts.push(0, 0, 30, 40, 25);
  second.receipts.push(0, 1, 30, 40, 25);
  accumulator.add(second);
  const first = fourLayers(0, [0, 100, 220, 320], 400);
  first.receipts.push(0, 0, 50, 60, 40);
  first.receipts.push(0, 1, 30, 40, 20);
  accumulator.add(first);
  const report = accumulator.result();

  it('averages layers over ranks and takes minimum and maximum over the layers of the mean rank', () => {
    // Rank 0: 100, 120, 100, 80. Rank 1: 100, 100, 100, 90.
    expect(report.layerTimes.map(({ us }) => us)).to.deep.equal([100, 110, 100, 85]);
    expect(report.timeline.layerUs).to.deep.equal({ mean: 98.75, min: 85, max: 110 });
    expect(report.steady.layerUs).to.deep.equal({ mean: 105, min: 100, max: 110 });
  });

  it('gives the whole run the span over all ranks and means of per-rank shares', () => {
    expect(report.timeline.spanUs).to.equal(400);
    // Rank 0: compute 3·60 + 80 of 400; rank 1: 3·60 + 90 of 390.
    expect(report.timeline.computeUs).to.equal(265);
    expect(report.timeline.computeBusyPct).to.be.closeTo((100 * (260 / 400 + 270 / 390)) / 2, 1e-4);
    // Exposed: 20 in each of the first three layers on both; the last layer's compute hides its dispatch.
    expect(report.timeline.exposedCommUs).to.equal(60);
    expect(report.timeline.exposedCommPctOfComm).to.equal(50);
    expect(report.timeline.overlapPct).to.equal(50);
    expect(report.timeline.exposedCommPct).to.be.closeTo((100 * (60 / 400 + 60 / 390)) / 2, 1e-4);
    expect(report.timeline.serialUs).to.equal(265 + 120);
    expect(report.timeline.overlapGain).to.equal(385 / 400);
  });

  it('clips the steady window to each rank’s own layer starts, first and last layer left out', () => {
    // Rank 0: 100–320, rank 1: 110–310; each has two layers: compute 120, communication 60, exposed 40.
    expect(report.steady.spanUs).to.equal(220);
    expect(report.steady).to.include({ computeUs: 120, commUs: 60, exposedCommUs: 40 });
    expect(report.steady.commBusyPct).to.be.closeTo((100 * (60 / 220 + 60 / 200)) / 2, 1e-4);
    expect(report.steady.idleUs).to.equal((60 + 40) / 2);
  });

  it('sums phases over ranks and layers', () => {
    const dispatch = report.phases.find((phase) => phase.name === 'dispatch');
    expect(dispatch).to.deep.equal({
      name: 'dispatch',
      stream: COMMUNICATION,
      kind: 'communication',
      count: 4,
      meanUs: 30,
      minUs: 30,
      maxUs: 30,
      busyUs: 30,
      exposedUs: 15,
    });
    expect(report.phases.find((phase) => phase.name === 'attn')).to.include({ minUs: 60, maxUs: 90, exposedUs: 0 });
  });

  it('lists ranks in order with their received tokens and rows', () => {
    expect(report.ranksSummary.map(({ rank }) => rank)).to.deep.equal([0, 1]);
    expect(report.ranksSummary[0]).to.include({ spanUs: 400, computeBusyPct: 65, receivedTokens: 80, expertRows: 100 });
    expect(report.ranksSummary[1]).to.include({ spanUs: 390, receivedTokens: 60, expertRows: 80 });
  });

  it('has the least, mean and most rows of a dispatch on each rank', () => {
    const [{ expertRowsOfDispatch: first }, { expertRowsOfDispatch: second }] = report.ranksSummary;
    expect(first).to.deep.equal({ mean: 50, min: 40, max: 60 });
    expect(second).to.deep.equal({ mean: 40, min: 40, max: 40 });
  });

  it('averages the ranks’ own spans, and has rank 0 by itself beside', () => {
    // Rank 0: 0–400, rank 1: 10–400.
    expect(report.timeline.rankSpanUs).to.equal(395);
    expect(report.rankZero?.timeline).to.include({ spanUs: 400, rankSpanUs: 400, computeBusyPct: 65 });
    expect(report.rankZero?.layerTimes.map(({ us }) => us)).to.deep.equal([100, 120, 100, 80]);
    expect(report.rankZero?.rankZero).to.equal(null);
  });

  it('compares the fullest rank and expert with the mean, call by call', () => {
    // Call 0: ranks 60 and 40 (mean 50), fullest expert 40 of 100 rows over 4; call 1: 40 and 40, 25 of 80 over 4.
    expect(report.imbalance).to.have.length(1);
    expect(report.imbalance[0]).to.deep.include({
      ...{ layer: 0, rankMaxOverMean: (1.2 + 1) / 2, expertMaxOverMean: (1.6 + 1.25) / 2 },
      ...{ nodeMaxOverMean: 1, gini: 0.05, emptyRanks: [] },
    });
  });

  it('names the longest exposed piece; of equal ones the lowest rank’s first', () => {
    expect(report.largestExposed).to.deep.equal({
      rank: 0,
      phase: 'dispatch',
      startUs: 60,
      us: 20,
      waitsFor: 'transfer',
      blocked: 'attn',
    });
  });

  it('does not depend on the order in which ranks are added', () => {
    const other = new RunFigures({ facts: new ProgramFacts(FOUR_LAYERS, 1), ranks: 2, experts: 4 });
    other.add(first);
    other.add(second);
    expect(other.result()).to.deep.equal(report);
  });

  it('takes the whole run for steady where there are fewer than 4 layers', () => {
    const short = new RunFigures({ facts: new ProgramFacts(LAYER_PROGRAM, 1), ranks: 2, experts: 1 });
    short.add(timeline(0, ONE_LAYER));
    const { steady, timeline: whole, largestExposed } = short.result();
    expect(steady).to.deep.equal(whole);
    // 122–150 is longer than 100–120, the end of the notify.
    expect(largestExposed).to.include({
      phase: 'dispatch',
      startUs: 122,
      us: 28,
      waitsFor: 'transfer',
      blocked: 'mlp',
    });
  });

  it('says notify where the exposed communication is a wait for other ranks, and null where no compute follows', () => {
    const last = new RunFigures({ facts: new ProgramFacts(LAYER_PROGRAM, 1), ranks: 2, experts: 1 });
    last.add(
      timeline(0, [
        [COMPUTE, GEMM, 0, 0, 10],
        [COMMUNICATION, NOTIFY, 1, 5, 40],
      ]),
    );
    expect(last.result().largestExposed).to.include({ waitsFor: 'notify', us: 30, blocked: null });
  });

  it('has zeros and no NaN for a rank on which nothing happened', () => {
    const empty = new RunFigures({ facts: new ProgramFacts(LAYER_PROGRAM, 1), ranks: 2, experts: 1 });
    empty.add(emptyTimeline(0));
    const { timeline: whole, largestExposed, imbalance } = empty.result();
    expect(JSON.stringify(whole)).not.to.contain('null');
    expect(whole).to.include({ spanUs: 0, overlapPct: 0, overlapGain: 0 });
    expect(largestExposed).to.equal(null);
    expect(imbalance).to.deep.equal([]);
  });
});
