import { expect } from 'chai';
import type { RunOutcome } from '@epemu/cluster';
import { NumericsError } from '@epemu/cluster';
import { EXIT_CODE } from '@epemu/core';
import type { HeaderMessage, Message, PayloadMessage } from '@epemu/fabric';
import { movementIdOf } from '@epemu/schedule';
import type { HeaderDelay } from '@epemu/timeline';
import { digestOfOutcome, runWithWorkers } from './support/cluster-run.js';
import { SCENARIOS, small } from './support/configuration.js';
import type { ScenarioName } from './support/configuration.js';
import { segmentsOf, shifted } from './support/header-layout.js';
import { replayedDigest, runLocally } from './support/local-run.js';
import type { LocalRun } from './support/local-run.js';
import { TamperingProxy } from './support/proxy.js';
import type { Tamper } from './support/proxy.js';
import { TemporaryFolder } from './support/temporary.js';
import {
  isPlainRows,
  withFirstRowForSecond,
  withLastRowTwice,
  withValueChanged,
  withoutLastRow,
} from './support/token-rows.js';

const DELAY_NS = 1000;
/** Ranks below are on the first node and worker. */
const HALF = 8;
const MOST_TRIALS = 100;

/**
 * @returns headers that RDMA takes from one node to the other, and the wire from one worker to the other, of recorded
 * transfers of the given type: those of the middle operation.
 */
function targetsIn(run: LocalRun, type: 'dispatch' | 'combine'): HeaderDelay[] {
  const transfers = run.program.operations.filter(
    ({ recorded, collective, kind }) => recorded && collective?.type === type && kind !== 'wait',
  );
  const transfer = transfers[Math.floor(transfers.length / 2)];
  const { id, collective } = transfer;
  const movement = movementIdOf(transfer);
  const hop = collective === undefined ? 0 : collective.hops.indexOf(0) + 1;
  return run.records.flatMap(({ rank: from, segments }) => {
    const [operations, hops, peers] = (['operation', 'hop', 'peer'] as const).map((name) => segments.column(name));
    const sent = [...peers].filter((to, i) => operations[i] === id && hops[i] === hop && to < HALF !== from < HALF);
    return [...new Set(sent)].map((to) => ({ movement, hop, from, to, delayNs: DELAY_NS }));
  });
}

/**
 * @returns a header whose delay shows, with the digest that replay predicts. Others hide: a segment that queues at the
 * receiver's port among others of its size leaves the services there as they are, in whatever order it comes.
 */
function loadBearing(run: LocalRun, type: 'dispatch' | 'combine'): { target: HeaderDelay; predicted: string } {
  for (const target of targetsIn(run, type).slice(0, MOST_TRIALS)) {
    const predicted = replayedDigest(run, [target]);
    if (predicted !== run.digest) return { target, predicted };
  }
  throw new Error(`no header of a ${type} changes the digest when it comes late`);
}

/** Applies a change to the one header of a target. */
function changeHeader(target: HeaderDelay, change: (header: HeaderMessage) => HeaderMessage): Tamper {
  const matches = (message: Message): message is HeaderMessage =>
    message.kind === 'header' &&
    message.from === target.from &&
    message.to === target.to &&
    message.movement === target.movement &&
    message.hop === target.hop;
  return (messages) => messages.map((message) => (matches(message) ? change(message) : message));
}

/** Applies a change to the first payload that holds nothing but rows of vectors. */
function changePayload(change: (payload: PayloadMessage) => PayloadMessage[]): Tamper {
  let changed = false;
  return (messages) =>
    messages.flatMap((message) => {
      if (changed || message.kind !== 'payload' || !isPlainRows(message.bytes)) return [message];
      changed = true;
      return change(message);
    });
}

describe('the wire is load-bearing', () => {
  const folder = new TemporaryFolder();
  after(() => {
    folder.remove();
  });

  /** Runs a scenario on two workers with a proxy between them. */
  async function runThrough(
    scenario: ScenarioName,
    tamper: Tamper,
    changes: Record<string, unknown> = {},
  ): Promise<{ outcome: RunOutcome; frames: number }> {
    const proxies = [await TamperingProxy.start(tamper), await TamperingProxy.start(tamper)];
    try {
      const workers = proxies.map(({ port, publicPort }) => ({
        slots: 8,
        ports: { first: port, last: port },
        advertise: { port: publicPort },
      }));
      const outcome = await runWithWorkers(small(scenario, changes), folder.fresh(), workers);
      return { outcome, frames: proxies.reduce((sum, { frames }) => sum + frames, 0) };
    } finally {
      await Promise.all(proxies.map((proxy) => proxy.close()));
    }
  }

  // Prefill has the collectives of training.
  const whole = process.env['EPEMU_TEST_LONG'] === '1';
  if (!whole) it.skip('headers of a prefill are changed with EPEMU_TEST_LONG=1');
  for (const scenario of whole ? SCENARIOS : (['train', 'decode'] as const)) {
    describe(scenario, () => {
      let reference: LocalRun;
      before(async () => {
        reference = await runLocally(small(scenario, { payload: { kind: 'none' } }));
      });

      it('a proxy that changes nothing leaves the digest as it is', async () => {
        const { outcome, frames } = await runThrough(scenario, (messages) => messages);
        expect(frames).to.be.greaterThan(50);
        expect(digestOfOutcome(outcome)).to.equal(reference.digest);
      });

      for (const type of ['dispatch', 'combine'] as const) {
        it(`1,000 ns added to one header of a ${type} make the timeline that replay predicts, and no other`, async () => {
          const { target, predicted } = loadBearing(reference, type);
          let tampered = 0;
          const tamper = changeHeader(target, (header) => {
            tampered += segmentsOf(header.integers).length;
            return { ...header, integers: shifted(header.integers, () => DELAY_NS) };
          });
          const { outcome } = await runThrough(scenario, tamper, { payload: { kind: 'none' } });
          expect(tampered).to.be.greaterThan(0);
          expect(predicted).not.to.equal(reference.digest);
          expect(digestOfOutcome(outcome)).to.equal(predicted);
        });
      }
    });
  }

  for (const scenario of ['prefill', 'decode'] as const) {
    const corruptions = {
      'one value of a token’s vector': withValueChanged,
      'one row in place of another': withFirstRowForSecond,
    };
    for (const [what, corrupt] of Object.entries(corruptions)) {
      it(`${what}, changed on the wire of a ${scenario}, fails numerics`, async () => {
        const tamper = changePayload((payload) => [{ ...payload, bytes: corrupt(payload.bytes) }]);
        const { outcome } = await runThrough(scenario, tamper);
        expect(outcome.error, outcome.error?.message).to.be.instanceOf(NumericsError);
        expect(outcome.error?.exitCode).to.equal(EXIT_CODE.failure);
        expect(outcome.error?.message).to.match(/numerics failed/);
        expect(outcome.report.status).to.equal('failed');
        expect(outcome.report.numerics.wrong).to.be.greaterThan(0);
      });
    }

    const losses: Record<string, (payload: PayloadMessage) => PayloadMessage[]> = {
      'a row dropped from': (payload) => [{ ...payload, bytes: withoutLastRow(payload.bytes) }],
      'a row duplicated in': (payload) => [{ ...payload, bytes: withLastRowTwice(payload.bytes) }],
      'a duplicate of': (payload) => [payload, { ...payload, sequence: payload.sequence + 1 }],
      'the loss of': () => [],
    };
    for (const [what, change] of Object.entries(losses)) {
      it(`${what} a ${scenario}’s payload message ends the run with an error`, async () => {
        const { outcome } = await runThrough(scenario, changePayload(change), { stallTimeoutSeconds: 1 });
        expect(outcome.error, 'error').not.to.equal(undefined);
        expect(outcome.report.status).to.equal('failed');
        expect([EXIT_CODE.failure, EXIT_CODE.rankFailed, EXIT_CODE.noProgress]).to.include(outcome.error?.exitCode);
        expect(outcome.error?.message.split('\n')).to.have.length(1);
      });
    }
  }
});
