import { expect } from 'chai';
import fc from 'fast-check';
import type { RunEvent } from '@epemu/cluster';
import { moveOf, moved, madeRun } from './fixtures.test-helper.js';
import { RunFollower } from './follower.js';
import { KEPT_LOG_LINES, MOVE_NUMBERS, applyUpdate, initialState } from './state.js';
import type { LiveState, LiveUpdate } from './state.js';

const RANKS = 4;
const { begun, program } = madeRun('decode', { ranks: RANKS, layers: 3 });

/** As it goes over the wire. */
const copied = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

/** Any event of a run but its beginning and end. */
function anyEvent(): fc.Arbitrary<RunEvent> {
  const rank = fc.nat(RANKS - 1);
  const worker = fc.nat(1);
  const move = fc
    .record({ rank, operation: fc.nat(program.operations.length - 1), background: fc.boolean() })
    .chain((of) =>
      fc.tuple(fc.nat(1e7), fc.nat(1e6)).map(([startNs, ns]) => ({ ...of, startNs, endNs: startNs + ns })),
    );
  const placed = [0, 1].map((index) => ({
    worker: index,
    pid: 7 + index,
    host: 'h',
    ranks: [2 * index, 2 * index + 1],
  }));
  return fc.oneof(
    { weight: 8, arbitrary: fc.array(move, { maxLength: 30 }).map((moves) => moved(moves, moves.length)) },
    fc.record({ type: fc.constant('joined' as const), pid: fc.nat(), host: fc.string(), slots: fc.nat(64) }),
    fc.record({ type: fc.constant('withdrawn' as const), pid: fc.nat(), host: fc.string(), slots: fc.nat(64) }),
    fc.record({ type: fc.constant('refused' as const), reason: fc.string() }),
    fc.record({ type: fc.constant('finished' as const), worker }),
    fc.record({ type: fc.constant('lost' as const), worker, ranks: fc.constant([0, 1]) }),
    fc.constant<RunEvent>({ type: 'placed', workers: placed }),
    fc.constantFrom<RunEvent>({ type: 'started' }, { type: 'merging' }, { type: 'listening', url: 'ws://h:1' }),
  );
}

describe('the state of a live page', () => {
  it('is the same for those who were there from the beginning and those who came at any time', () => {
    const events = fc.array(fc.record({ event: anyEvent(), flush: fc.boolean() }), { maxLength: 60 });
    fc.assert(
      fc.property(events, fc.nat(60), (steps, comesAfter) => {
        let now = 0;
        const follower = new RunFollower(() => now);
        const server = initialState();
        const early = initialState();
        let late: LiveState | undefined;
        const flush = (): void => {
          const update = follower.take();
          if (update === undefined) return;
          applyUpdate(server, update);
          applyUpdate(early, copied(update));
          if (late !== undefined) applyUpdate(late, copied(update));
        };
        follower.note(begun);
        steps.forEach(({ event, flush: due }, index) => {
          now += 50;
          follower.note(event);
          if (due) flush();
          if (index === comesAfter) late = copied(server);
        });
        flush();
        expect(early).to.deep.equal(server);
        if (late !== undefined) expect(late).to.deep.equal(server);
      }),
      { numRuns: 200 },
    );
  });

  it('does not depend on how events are gathered into updates', () => {
    const cuts = fc.array(fc.record({ event: anyEvent(), flush: fc.boolean() }), { maxLength: 60 });
    fc.assert(
      fc.property(cuts, (steps) => {
        const run = (isDue: (flush: boolean) => boolean): LiveState => {
          const [follower, state] = [new RunFollower(() => 0), initialState()];
          const flush = (): void => {
            const update = follower.take();
            if (update !== undefined) applyUpdate(state, update);
          };
          follower.note(begun);
          for (const { event, flush: due } of steps) {
            follower.note(event);
            if (isDue(due)) flush();
          }
          flush();
          return { ...state, head: null };
        };
        expect(run((due) => due)).to.deep.equal(run(() => false));
      }),
      { numRuns: 200 },
    );
  });

  it('keeps the last moves of each rank and the last lines of the log, however long the run', () => {
    const follower = new RunFollower(() => 0);
    const state = initialState();
    const feed = (event: RunEvent): void => {
      follower.note(event);
      const update = follower.take();
      if (update !== undefined) applyUpdate(state, update);
    };
    feed(begun);
    for (let i = 0; i < 20_000; i++) feed(moved([moveOf(i % RANKS, i % program.operations.length)]));
    for (let i = 0; i < 2 * KEPT_LOG_LINES; i++) feed({ type: 'refused', reason: `reason ${i}` });
    const { keptMoves } = state.head!;
    // Four layers of 16 operations, and the transfers of 4 issues each.
    expect(keptMoves).to.equal(4 * 20);
    expect(state.moves.map((moves) => moves.length)).to.deep.equal(
      Array.from({ length: RANKS }, () => keptMoves * MOVE_NUMBERS),
    );
    expect(state.moveCount).to.equal(20_000);
    expect(state.moves[3].at(-2)).to.equal(moveOf(3, 19_999 % program.operations.length).startNs);
    expect(state.log).to.have.length(KEPT_LOG_LINES);
    expect(state.log.at(-1)?.text).to.equal(`a worker was refused: reason ${2 * KEPT_LOG_LINES - 1}`);
    expect(state.logCount).to.equal(2 * KEPT_LOG_LINES + 1);
    expect(JSON.stringify(state).length).to.be.below(100_000);
  });

  it('starts over when another run begins', () => {
    const state = initialState();
    const follower = new RunFollower(() => 0);
    follower.note(begun);
    const head: LiveUpdate = copied(follower.take()!);
    applyUpdate(state, head);
    follower.note(moved([moveOf(0, 0)]));
    follower.note({ type: 'joined', pid: 1, host: 'h', slots: 2 });
    applyUpdate(state, follower.take()!);
    expect(state.facts.joining.slots).to.equal(2);
    applyUpdate(state, head);
    const fresh = initialState();
    applyUpdate(fresh, head);
    expect(state).to.deep.equal(fresh);
  });

  it('leaves out ranks and operations that the run has not, whatever a worker says', () => {
    const follower = new RunFollower(() => 0);
    const state = initialState();
    follower.note(begun);
    follower.note(moved([moveOf(RANKS, 0), moveOf(0, program.operations.length), moveOf(1, 2)]));
    applyUpdate(state, follower.take()!);
    expect(state.moveCount).to.equal(1);
    expect(state.positions).to.deep.equal([-1, 2, -1, -1]);
  });

  it('shows names without what steers terminals or reorders text', () => {
    const follower = new RunFollower(() => 0);
    follower.note(begun);
    const host = `${String.fromCharCode(27)}[31mred${String.fromCharCode(0x202e)}`;
    follower.note({ type: 'joined', pid: 1, host, slots: 2 });
    follower.note({ type: 'placed', workers: [{ worker: 0, pid: 1, host, ranks: [0] }] });
    follower.note({ type: 'refused', reason: 'x'.repeat(10_000) });
    const { facts, log } = follower.take()!;
    expect(facts?.workers?.[0].host).to.equal('[31mred');
    expect(log?.[1].text).to.equal('a worker on [31mred (pid 1) joined with 2 slots');
    expect(log?.at(-1)?.text.length).to.be.below(500);
  });
});
