import { expect } from 'chai';
import fc from 'fast-check';
import type { Part, PipelineOrder } from './cell.js';
import { closedForm } from './closed-forms.js';
import { PIPELINE_SCHEDULES, pipelineOrder } from './schedules.js';
import type { PipelineSchedule, PipelineSize } from './schedules.js';
import { timePipeline } from './unit-time.js';
import type { UnitTimes } from './unit-time.js';

const README: UnitTimes = { F: 1, B: 2, W: 1, FB: 3 };

/** Sizes that a schedule takes, of 2 to 16 ranks. */
function sizes(schedule: PipelineSchedule): fc.Arbitrary<PipelineSize> {
  const isDual = schedule.startsWith('dualpipe');
  return fc
    .record({ half: fc.integer({ min: 1, max: 8 }), more: fc.nat(10), chunks: fc.integer({ min: 2, max: 4 }) })
    .map(({ half, more, chunks }) => {
      const ranks = half * 2;
      if (schedule === 'interleaved-1f1b') return { schedule, ranks, microBatches: ranks * (1 + (more % 3)), chunks };
      const microBatches = isDual ? ranks * 2 + more * 2 : ranks + more;
      return { schedule, ranks, microBatches, chunks: 1 };
    });
}

/** F, B, W and an overlapped pair, in whole numbers; the pair takes no longer than its chunks one after the other. */
const TIMES: fc.Arbitrary<UnitTimes> = fc
  .record({
    F: fc.integer({ min: 1, max: 9 }),
    input: fc.integer({ min: 1, max: 9 }),
    W: fc.integer({ min: 1, max: 9 }),
  })
  .chain(({ F, input, W }) => {
    const B = input + W;
    return fc.integer({ min: Math.max(F, B), max: F + B }).map((FB) => ({ F, B, W, FB }));
  });

/**
 * Another way to the same times: the longest path through cells, by going over all edges until nothing changes.
 * @returns the end of the last cell.
 */
function longestPath(order: PipelineOrder, times: UnitTimes): number {
  const nodes = order.cells.flatMap((own, rank) => own.map((cell, at) => ({ cell, rank, at })));
  const lengthOf = (parts: readonly Part[]): number =>
    parts.length === 2
      ? times.FB
      : {
          forward: times.F,
          backward: times.B,
          'backward for input': times.B - times.W,
          'backward for weights': times.W,
        }[parts[0].work];
  const does = (parts: readonly Part[], back: boolean, stage: number, microBatch: number): boolean =>
    parts.some(
      (part) =>
        part.stage === stage &&
        part.microBatch === microBatch &&
        (back ? part.work === 'backward' || part.work === 'backward for input' : part.work === 'forward'),
    );
  const before = nodes.map(({ cell, rank, at }, index) =>
    nodes.flatMap((other, i) => {
      if (i === index) return [];
      if (other.rank === rank && other.at === at - 1) return [i];
      const needed = cell.some(({ work, stage, microBatch }) => {
        if (work === 'forward') return does(other.cell, false, stage - 1, microBatch);
        if (work === 'backward for weights') return does(other.cell, true, stage, microBatch);
        return does(other.cell, true, stage + 1, microBatch) || does(other.cell, false, stage, microBatch);
      });
      return needed ? [i] : [];
    }),
  );
  const ends = nodes.map(() => 0);
  for (let changed = true; changed;) {
    changed = false;
    nodes.forEach(({ cell }, i) => {
      const end = before[i].reduce((latest, j) => Math.max(latest, ends[j]), 0) + lengthOf(cell);
      if (end !== ends[i]) changed = true;
      ends[i] = end;
    });
  }
  return Math.max(...ends);
}

for (const schedule of PIPELINE_SCHEDULES) {
  describe(`the schedule ${schedule}`, () => {
    it('does each stage’s work on each micro-batch once', () => {
      fc.assert(
        fc.property(sizes(schedule), (size) => {
          const order = pipelineOrder(size);
          const done = new Map<string, number>();
          for (const part of order.cells.flat(2)) {
            const { work, stage, microBatch } = part;
            const key = `${stage} ${microBatch}`;
            // A backward is whole, or has two parts.
            const share = { forward: 100, backward: 2, 'backward for input': 1, 'backward for weights': 1 }[work];
            done.set(key, (done.get(key) ?? 0) + share);
          }
          expect(done.size).to.equal(order.stages * size.microBatches);
          expect([...done.values()].every((share) => share === 102)).to.equal(true);
        }),
        { numRuns: 30 },
      );
    });

    it('has the published bubble on every rank where a pair takes as long as its chunks', () => {
      fc.assert(
        fc.property(sizes(schedule), (size) => {
          const { bubbles, makespan } = timePipeline(pipelineOrder(size), README);
          const { bubble } = closedForm(size, README);
          expect(bubbles.every((own) => own === bubble)).to.equal(true);
          const perMicroBatch = (README.F + README.B) * (size.schedule === 'interleaved-1f1b' ? size.chunks : 1);
          const stagesOfRank = size.schedule === 'dualpipev' ? 2 : 1;
          expect(makespan).to.equal(size.microBatches * perMicroBatch * stagesOfRank + bubble);
        }),
        { numRuns: 30 },
      );
    });

    it('holds the published activations on the rank that holds most', () => {
      fc.assert(
        fc.property(sizes(schedule), (size) => {
          const { activations } = timePipeline(pipelineOrder(size), README);
          expect(Math.max(...activations)).to.equal(closedForm(size, README).activations);
        }),
        { numRuns: 30 },
      );
    });

    it('takes as long as the longest path through its cells, found another way', () => {
      const small = sizes(schedule).filter(({ ranks, microBatches, chunks }) => ranks * microBatches * chunks <= 60);
      fc.assert(
        fc.property(small, TIMES, (size, times) => {
          const order = pipelineOrder(size);
          expect(timePipeline(order, times).makespan).to.equal(longestPath(order, times));
        }),
        { numRuns: 15 },
      );
    });
  });
}

describe('DualPipe where a pair takes less than its chunks', () => {
  it('has the published bubble on its middle ranks, and less on the others', () => {
    for (const schedule of ['dualpipe', 'dualpipev'] as const) {
      for (const ranks of [4, 8, 16]) {
        const size = { schedule, ranks, microBatches: ranks * 3, chunks: 1 };
        const times = { F: 1, B: 2, W: 1, FB: 2 };
        const { bubbles } = timePipeline(pipelineOrder(size), times);
        expect(Math.max(...bubbles), `${schedule} ${ranks}`).to.equal(closedForm(size, times).bubble);
        expect(bubbles[0]).to.equal(1);
      }
    }
  });

  it('is the picture of DualPipe’s README: 8 ranks and 20 micro-batches take 66 forwards', () => {
    const size = { schedule: 'dualpipe', ranks: 8, microBatches: 20, chunks: 1 } as const;
    expect(timePipeline(pipelineOrder(size), README).makespan).to.equal(66);
    const ofV = { schedule: 'dualpipev', ranks: 4, microBatches: 10, chunks: 1 } as const;
    expect(timePipeline(pipelineOrder(ofV), README).makespan).to.equal(66);
  });
});
