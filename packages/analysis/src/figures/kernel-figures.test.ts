import type { KernelDescription, Operation, OperationKernel, Program } from '@epemu/schedule';
import { ProgramFacts, emptyTimeline } from '@epemu/timeline';
import type { RankTimeline } from '@epemu/timeline';
import { expect } from 'chai';
import { RunFigures } from './run-figures.js';

const COMPUTE = 7;
const COMMUNICATION = 27;

function kernel(name: string, parts: Partial<KernelDescription> = {}): KernelDescription {
  return { name, class: 'compute', category: name, grid: [2, 56, 1], block: [1, 1, 1], ...parts };
}

/** Two GEMMs that a label tells apart, two copies of other launch dimensions that nothing does, and a collective's. */
const KERNELS = [
  kernel('gemm', { label: 'q_a' }),
  kernel('gemm', { label: 'q_b' }),
  kernel('copy', { grid: [1, 1, 1] }),
  kernel('copy', { grid: [9, 1, 1] }),
  kernel('cast'),
  kernel('notify', { class: 'communication' }),
  kernel('dispatch', { class: 'communication', grid: [20, 1, 1] }),
];
const ATTENTION: readonly OperationKernel[] = [0, 1, 2, 3].map((index) => ({ kernel: index }));
const DISPATCH: readonly OperationKernel[] = [
  { kernel: 4 },
  { kernel: 5, role: 'notify' },
  { kernel: 6, role: 'transfer' },
];

function operation(id: number, row: number, phase: 'attn' | 'dispatch'): Operation {
  const isCollective = phase === 'dispatch';
  return {
    ...{
      id,
      phase,
      row,
      layer: row,
      dense: false,
      role: 0,
      microBatch: 0,
      step: 0,
      direction: 'forward',
      recorded: true,
    },
    ...{ kind: isCollective ? 'collective' : 'compute', stream: isCollective ? COMMUNICATION : COMPUTE },
    ...{ tokens: [], gates: [], beside: [], list: phase, kernels: isCollective ? DISPATCH : ATTENTION },
  };
}

const PROGRAM: Program = {
  launch: 'graph',
  kernels: KERNELS,
  operations: [operation(0, 0, 'dispatch'), operation(1, 0, 'attn'), operation(2, 1, 'dispatch')],
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
  streams: [COMPUTE, COMMUNICATION].map((id) => ({ id, name: String(id) })),
  layerMarker: 'attn',
};

/** @param events rows of stream, kernel, operation, start and end, µs. */
function timeline(rank: number, events: readonly (readonly number[])[]): RankTimeline {
  const made = emptyTimeline(rank);
  for (const [stream, index, id, start, end] of events)
    made.events.push(stream, index, id, start * 1000, end * 1000, 0);
  return made;
}

/** The second dispatch has no cast recorded on purpose: counts are means over what ran. */
const FIRST = timeline(0, [
  [COMMUNICATION, 4, 0, 0, 10],
  [COMMUNICATION, 5, 0, 10, 30],
  [COMMUNICATION, 6, 0, 30, 90],
  [COMPUTE, 0, 1, 0, 100],
  [COMPUTE, 1, 1, 100, 150],
  [COMPUTE, 2, 1, 150, 160],
  [COMPUTE, 3, 1, 160, 190],
  [COMMUNICATION, 5, 2, 100, 110],
  [COMMUNICATION, 6, 2, 110, 160],
]);
const SECOND = timeline(1, [
  [COMPUTE, 0, 1, 0, 110],
  [COMMUNICATION, 5, 0, 0, 10],
  [COMMUNICATION, 6, 0, 10, 40],
]);

describe('kernels of a run', () => {
  const accumulator = new RunFigures({ facts: new ProgramFacts(PROGRAM, 1), ranks: 2, experts: 4 });
  accumulator.add(FIRST);
  accumulator.add(SECOND);
  const report = accumulator.result();
  const find = (name: string, label: string | null = null): unknown =>
    report.kernels.find((each) => each.kernel === name && each.label === label);

  it('come phase by phase in launch order, once for each that a label tells apart', () => {
    expect(report.kernels.map((each) => each.label ?? each.kernel)).to.deep.equal([
      'cast',
      'notify',
      'dispatch',
      'q_a',
      'q_b',
      'copy',
    ]);
  });

  it('have their launches on a rank and the mean time of one', () => {
    expect(find('gemm', 'q_a')).to.include({ phase: 'attn', count: 1, meanUs: 105, ctas: 112, role: null });
    expect(find('dispatch')).to.include({ phase: 'dispatch', role: 'transfer', ctas: 20, count: 1.5 });
    expect(find('dispatch')).to.have.property('meanUs', 46.667);
  });

  it('are one where nothing tells them apart, of no one number of thread blocks', () => {
    expect(find('copy')).to.include({ count: 1, meanUs: 20, ctas: null });
  });

  it('give notify its share of the communication stream, a cast on it included', () => {
    // Notify 20 + 10 + 10; stream 10 + 20 + 60 + 10 + 50 + 10 + 30.
    expect(report.notifyPctOfComm).to.be.closeTo((100 * 40) / 190, 1e-3);
    expect(report.rankZero?.notifyPctOfComm).to.be.closeTo((100 * 30) / 150, 1e-3);
  });
});

describe('orders of phases', () => {
  it('are one a stream where rows are alike, and as many as there are where they are not', () => {
    const accumulator = new RunFigures({ facts: new ProgramFacts(PROGRAM, 1), ranks: 2, experts: 4 });
    accumulator.add(FIRST);
    expect(accumulator.result().phaseOrders).to.deep.equal([
      { stream: COMPUTE, phases: ['attn'] },
      { stream: COMMUNICATION, phases: ['dispatch'] },
    ]);
    const two = { ...PROGRAM, operations: [operation(0, 0, 'dispatch'), operation(1, 0, 'dispatch')] };
    const twice = new RunFigures({ facts: new ProgramFacts(two, 1), ranks: 2, experts: 4 });
    twice.add(timeline(0, [[COMMUNICATION, 6, 0, 0, 1]]));
    twice.add(
      timeline(1, [
        [COMMUNICATION, 6, 1, 0, 1],
        [COMMUNICATION, 6, 0, 1, 2],
      ]),
    );
    expect(twice.result().phaseOrders.map(({ phases }) => phases.length)).to.have.members([1, 2]);
  });
});
