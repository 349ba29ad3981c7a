import { expect } from 'chai';
import fc from 'fast-check';
import { ProgramFacts, RunningFigures, emptyTimeline, viewOfTimeline } from '@epemu/timeline';
import type { CollectiveName, RankTimeline } from '@epemu/timeline';
import { SCENARIOS, small } from './support/configuration.js';
import { runLocally } from './support/local-run.js';
import type { LocalRun } from './support/local-run.js';

const COLUMNS = ['events', 'transfers', 'services', 'receipts'] as const;

/** Calls `look` each time that some more rows, in an order of their own, have been added to an empty timeline. */
function grow(whole: RankTimeline, seed: number, growing: RankTimeline, look: () => void): void {
  let state = seed;
  const below = (limit: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state % limit;
  };
  for (const name of COLUMNS) {
    const from = whole[name];
    const values = from.names.map((column) => (from as { column(of: string): Float64Array }).column(column));
    const order = Array.from({ length: from.count }, (_, row) => row);
    for (let i = order.length - 1; i > 0; i--) {
      const j = Math.max(0, i - below(20));
      [order[i], order[j]] = [order[j], order[i]];
    }
    for (const row of order) {
      growing[name].push(...values.map((column) => column[row]));
      if (below(30) === 0) look();
    }
  }
  look();
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

describe('running figures of a rank', () => {
  for (const scenario of SCENARIOS) {
    describe(`of a ${scenario}`, () => {
      let run: LocalRun;
      before(async () => {
        run = await runLocally(small(scenario));
      });

      it('equal those of the whole timeline, in whatever order and pieces it was recorded', () => {
        fc.assert(
          fc.property(fc.nat(run.timelines.length - 1), fc.nat(), (index, seed) => {
            const whole = run.timelines[index];
            const growing = emptyTimeline(whole.rank);
            const running = new RunningFigures(growing, run.program);
            let computeNs = 0;
            let communicationNs = 0;
            grow(whole, seed, growing, () => {
              running.update();
              expect(running.computeNs, 'compute never falls').to.be.at.least(computeNs);
              expect(running.communicationNs, 'nor does communication').to.be.at.least(communicationNs);
              ({ computeNs, communicationNs } = running);
            });
            const figures = viewOfTimeline(whole, new ProgramFacts(run.program, 2), run.timelines.length).figures(true);
            expect({
              endNs: running.reachedNs,
              spanNs: running.spanNs,
              computeNs: running.computeNs,
              commNs: running.communicationNs,
              overlapNs: running.overlapNs,
              exposedNs: running.exposedNs,
            }).to.deep.equal({
              endNs: figures.endNs,
              spanNs: figures.spanNs,
              computeNs: figures.computeNs,
              commNs: figures.commNs,
              overlapNs: figures.overlapNs,
              exposedNs: figures.exposedNs,
            });
          }),
          { numRuns: 8 },
        );
      });

      it('count each port’s bytes, each dispatch and combine once, and all time that kernels ran', () => {
        for (const timeline of run.timelines) {
          const running = new RunningFigures(timeline, run.program);
          const durations: Record<CollectiveName, number[]> = { dispatch: [], combine: [] };
          for (let i = 0; i < 2; i++) running.update((name, _, durationNs) => durations[name].push(durationNs));
          const { services, receipts, events, transfers } = timeline;
          const port = services.column('port');
          for (const number of [0, 1, 2, 3]) {
            const own = services.column('bytes').filter((_, row) => port[row] === number);
            expect(running.ports[number]).to.deep.equal({ bytes: sum(own), segments: own.length });
          }
          expect(running.receivedTokens).to.equal(sum(receipts.column('receivedTokens')));
          expect(running.expertRows).to.equal(sum(receipts.column('expertRows')));
          const lengths = [events, transfers].map(
            (columns) => sum(columns.column('endNs')) - sum(columns.column('startNs')),
          );
          expect(sum([...running.busy()].map(({ ns }) => ns))).to.equal(sum(lengths));
          const collectives = run.program.operations.filter(
            ({ recorded, kind }) => recorded && (kind === 'collective' || kind === 'issue'),
          );
          expect([durations.dispatch.length, durations.combine.length]).to.deep.equal([
            collectives.length / 2,
            collectives.length / 2,
          ]);
          expect(Math.min(...durations.dispatch, ...durations.combine)).to.be.above(0);
        }
      });
    });
  }
});
