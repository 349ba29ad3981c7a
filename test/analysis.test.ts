import { analyze } from '@epemu/analysis';
import type { AnalysedSet } from '@epemu/analysis';
import { figuresOf, runInMemory } from '@epemu/experiments';
import type { InMemoryRun } from '@epemu/experiments';
import { largest } from '@epemu/core';
import { isOutPort } from '@epemu/schedule';
import { expect } from 'chai';
import { asCaptured, writeTraces } from './support/analysed.js';
import type { TraceChange } from './support/analysed.js';
import { SCENARIOS, small } from './support/configuration.js';
import type { ScenarioName } from './support/configuration.js';
import { TemporaryFolder } from './support/temporary.js';

const SLOW_RANK = 5;

/**
 * By how much lateness may be off where only collectives tell the clocks: whole µs, and where it is always the same rank
 * that comes last to a notify, the latency by which it leaves before the others, which nothing tells from its clock. A
 * decode run has no notify: what a slow rank comes late to a receive by, it leaves it late by, and half of it or so is
 * taken for its clock's.
 */
const TOLERANCE_US: Readonly<Record<ScenarioName, number>> = { train: 1, prefill: 3, decode: 250 };

function lastEndUs({ timelines }: InMemoryRun): number {
  return Math.max(...timelines.map(({ events }) => largest(events.column('endNs')))) / 1000;
}

/** Pieces of the path follow each other and end at the last end. */
function expectWhole({ path, analysis }: AnalysedSet): void {
  path.forEach(({ startNs }, index) => {
    if (index > 0) expect(startNs, `piece ${index}`).to.equal(path[index - 1].endNs);
  });
  expect(path.at(-1)!.endNs / 1000).to.equal(analysis.criticalPath!.measuredEndUs);
}

for (const scenario of SCENARIOS) {
  describe(`traces of an emulated ${scenario} run, analysed`, () => {
    const temporary = new TemporaryFolder();
    let run: InMemoryRun;
    let found: AnalysedSet;
    let slow: InMemoryRun;
    let foundSlow: AnalysedSet;

    before(async () => {
      run = await runInMemory(small(scenario));
      slow = await runInMemory(small(scenario, { slowRanks: [{ rank: SLOW_RANK, factor: 2 }] }));
      foundSlow = await analyze(await writeTraces(slow, temporary.fresh()));
      found = await analyze(await writeTraces(run, temporary.fresh()));
    });
    after(() => {
      temporary.remove();
    });

    it('have the figures that the run’s own report has, to the nanosecond', () => {
      const { timeline, steady, phases, largestExposed } = figuresOf(run);
      const { analysis } = found;
      expect(analysis.timeline).to.deep.equal(timeline);
      expect(analysis.steady).to.deep.equal(steady);
      expect(analysis.phases).to.deep.equal(phases);
      const { lastRank, ...longest } = analysis.exposed[0];
      expect(longest).to.deep.equal(largestExposed);
      expect(lastRank).to.satisfy((rank: number | null) => rank === null || run.timelines[rank] !== undefined);
      expect(analysis).to.include({ source: 'emulated', partial: false, ranks: 16, scenario });
    });

    it('give the run back in a replay that changes nothing', () => {
      const { measuredEndUs, replayedEndUs, errorPct } = found.analysis.criticalPath!;
      expect(measuredEndUs).to.equal(lastEndUs(run));
      expect({ replayedEndUs, errorPct }).to.deep.equal({ replayedEndUs: measuredEndUs, errorPct: 0 });
    });

    it('have a critical path without a hole', () => {
      expectWhole(found);
    });

    it('have no answer to a what-if that is later than what was', () => {
      const { answers, replayedEndUs } = found.analysis.criticalPath!;
      for (const { id, endUs } of answers) expect(endUs, id).to.be.at.most(replayedEndUs);
    });

    it('tell the bytes that ranks sent each other as the run did send them, to the element', () => {
      const { traffic } = found.analysis;
      const sent = new Float64Array(16 * 16);
      for (const { rank, services } of run.timelines) {
        const [ports, peers, bytes] = (['port', 'peer', 'bytes'] as const).map((name) => services.column(name));
        const isOut = (port: number): boolean => isOutPort(port);
        ports.forEach((port, row) => (sent[rank * 16 + peers[row]] += isOut(port) ? bytes[row] : 0));
      }
      expect(traffic).to.include({ ranks: 16, nodeSize: 8, nodes: 2 });
      traffic!.bytes.forEach((bytes, pair) => {
        expect(bytes, `${pair >> 4} to ${pair & 15}`).to.be.within(sent[pair] - 64, sent[pair]);
      });
      const toOwnNode = traffic!.nodeBytes[0];
      const expected = sent.reduce((sum, bytes, pair) => (pair >> 4 < 8 && (pair & 15) < 8 ? sum + bytes : sum), 0);
      expect(toOwnNode).to.be.within(expected - 64 * 64, expected);
    });

    it('have the same overlap figures without annotations, and as many layers or parts of them', async () => {
      const bare: TraceChange = (trace, rank) => {
        asCaptured()(trace, rank);
        trace.traceEvents = trace.traceEvents.filter(
          ({ cat = '' }) => !cat.includes('annotation') && cat !== 'network',
        );
      };
      const [named, unnamed] = await Promise.all(
        [asCaptured(), bare].map(async (change) => analyze(await writeTraces(run, temporary.fresh(), change))),
      );
      const { timeline, layers, phases, phasesInferred, collectives } = unnamed.analysis;
      expect([named.analysis.phasesInferred, phasesInferred]).to.deep.equal([false, true]);
      for (const key of ['computeUs', 'commUs', 'exposedCommUs', 'idleUs', 'overlapPct', 'spanUs'] as const) {
        expect(timeline[key], key).to.equal(named.analysis.timeline.kernelsOnly[key]);
      }
      expect(layers.count % 4, 'micro-batches that run one after the other are told apart by nothing').to.equal(0);
      expect(layers.count).to.be.greaterThan(0);
      const plain = /^(?:beside )?(?:(?:send|receive) )?(?:dispatch|combine)(?: \d)?$|^before the first collective$/;
      for (const { name } of phases) expect(name).to.match(plain);
      expect(collectives).to.have.lengthOf(found.analysis.collectives.length);
    });

    it('need no alignment, for ranks share a clock', () => {
      expect(found.analysis.alignment).to.deep.include({ applied: false, violationUs: { before: 0, after: 0 } });
    });

    it('show a slow rank as the straggler, which the critical path goes through', () => {
      const { analysis } = foundSlow;
      const stragglers = analysis.stragglers.filter(({ straggler }) => straggler);
      expect(stragglers.map(({ rank }) => rank)).to.deep.equal([SLOW_RANK]);
      expect(stragglers[0].computeOverMedianPct).to.be.closeTo(100, 5);
      const [{ rank, pct }] = analysis.criticalPath!.byRank;
      expect(rank).to.equal(SLOW_RANK);
      expect(pct).to.be.greaterThan(90);
      const last = analysis.exposed.filter(({ lastRank }) => lastRank !== null);
      // In so small a training the longest exposed pieces are all bytes on their way.
      const awaited = scenario === 'train' ? [] : [SLOW_RANK];
      expect(new Set(last.map(({ lastRank }) => lastRank))).to.deep.equal(new Set(awaited));
    });

    it(`show who is late, to ${TOLERANCE_US[scenario]} µs, where they are captures on clocks of their own`, async () => {
      const plain = await analyze(await writeTraces(slow, temporary.fresh(), asCaptured()));
      const epoch = 1_740_461_679_471_346;
      const clocks = slow.timelines.map(
        (_, rank) => epoch + (rank === 0 ? 0 : (rank * 2_654_435) % 4_000_000) - 2_000_000,
      );
      const shifted = await analyze(await writeTraces(slow, temporary.fresh(), asCaptured(clocks)));
      expect(shifted.analysis.alignment!.applied).to.equal(true);
      expect(plain.analysis).to.include({ source: 'captured', partial: false });
      const { timeline, collectives, criticalPath } = shifted.analysis;
      expect(timeline.exposedCommUs).to.be.closeTo(plain.analysis.timeline.exposedCommUs, 1);
      expect(timeline.computeUs).to.be.closeTo(foundSlow.analysis.timeline.computeUs, 0.01 * timeline.computeUs);
      expect(collectives).to.have.lengthOf(foundSlow.analysis.collectives.length);
      expect(Math.max(...collectives.map(({ skewUs }) => skewUs)), 'ranks are apart').to.be.greaterThan(100);
      collectives.forEach(({ skewUs, phase }, index) => {
        const exact = foundSlow.analysis.collectives[index];
        expect(phase).to.equal(exact.phase);
        expect(skewUs, `collective ${index}`).to.be.closeTo(exact.skewUs, TOLERANCE_US[scenario]);
      });
      expectWhole(shifted);
      const late = ({ stragglers }: AnalysedSet['analysis']): number[] =>
        stragglers.flatMap(({ rank, straggler }) => (straggler ? [rank] : []));
      expect(late(shifted.analysis)).to.deep.equal([SLOW_RANK]);
      const spanUs = criticalPath!.pathUs;
      expect(spanUs).to.be.closeTo(plain.analysis.criticalPath!.pathUs, TOLERANCE_US[scenario]);
    });
  });
}
