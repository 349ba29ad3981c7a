import { spawn } from 'node:child_process';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { resolveConfiguration } from '@epemu/config';
import { RankFailedError } from '@epemu/core';
import { buildProgram } from '@epemu/schedule';
import { expect } from 'chai';
import { isStopped } from '../process-state.js';
import { FailureLog } from './failure.js';
import type { ProcessExit } from './failure.js';
import { Member } from './member.js';
import { noProgress } from './no-progress.js';

const PROGRAM = buildProgram(
  resolveConfiguration({ scenario: 'decode', flags: { ranks: 4, layers: 2, tokensPerMicrobatch: 8 } }),
);
const WAIT = PROGRAM.operations.findIndex(({ phase, layer }) => phase === 'wait DISPATCH(0)' && layer === 1);
/** Nothing is sent in these tests. */
const NO_CHANNEL: unknown = {};

/** A worker that holds the given ranks, which have come to the given operation. */
function member(pid: number, ranks: readonly number[], operation?: number): Member {
  const made = new Member(NO_CHANNEL as Member['channel'], { pid, machine: 'm', host: 'here', slots: ranks.length });
  made.worker = pid - 100;
  made.ranks = ranks;
  made.state = 'running';
  if (operation !== undefined) for (const rank of ranks) made.current.set(rank, operation);
  return made;
}

function exit(pid: number, ended: Partial<ProcessExit>): ProcessExit {
  return { pid, code: null, signal: null, errorOutput: '', ...ended };
}

/** The error that a log gives, which must be that of a failed rank. */
function causeOf(
  log: FailureLog,
  members: readonly Member[],
): Pick<RankFailedError, 'message' | 'detail' | 'exitCode'> {
  const error = log.rootCause(members);
  if (!(error instanceof RankFailedError)) throw error;
  return { message: error.message, detail: error.detail, exitCode: error.exitCode };
}

describe('the root cause of a failed run', () => {
  const members = [member(100, [0], WAIT), member(101, [1], WAIT), member(102, [2, 3], WAIT)];
  const [first, second, third] = members;

  it('is the process that a signal ended, whatever others reported before', () => {
    const log = new FailureLog(PROGRAM);
    log.addLost(third);
    log.addReport(first, 'lost the connection to rank 1', true);
    log.addReport(third, 'segment without tokens', false);
    log.addExit(exit(100, { code: 1 }));
    log.addExit(exit(101, { signal: 'SIGKILL' }));
    const { message, detail, exitCode } = causeOf(log, members);
    expect(message).to.equal('rank 1 (pid 101) was killed by SIGKILL in wait DISPATCH(0) of layer 1');
    expect(detail).to.deep.equal({ ranks: [1], pid: 101, signal: 'SIGKILL', layer: 1, phase: 'wait DISPATCH(0)' });
    expect(exitCode).to.equal(3);
  });

  it('is a signal before an exit status, in whatever order the two are heard of', () => {
    const log = new FailureLog(PROGRAM);
    log.addExit(exit(100, { code: 1 }));
    log.addExit(exit(101, { signal: 'SIGSEGV' }));
    expect(causeOf(log, members).detail.signal).to.equal('SIGSEGV');
  });

  it('is a process that ended by itself, with what it wrote on standard error', () => {
    const log = new FailureLog(PROGRAM);
    log.addReport(first, 'lost the connection to ranks 2–3', true);
    log.addExit(exit(102, { code: 134, errorOutput: 'heap out of memory\n' }));
    const { message, detail } = causeOf(log, members);
    expect(message).to.equal(
      'ranks 2–3 (pid 102) ended with exit status 134 in wait DISPATCH(0) of layer 1: heap out of memory',
    );
    expect(detail).to.include({ pid: 102, exitStatus: 134, cause: 'heap out of memory' });
  });

  it('is what a worker reported of itself, before any lost peer, although the worker then left', () => {
    const log = new FailureLog(PROGRAM);
    log.addLost(first);
    log.addReport(first, 'lost the connection to rank 1', true);
    log.addReport(second, 'segment without tokens', false);
    log.addExit(exit(101, { code: 1 }));
    const { message, detail } = causeOf(log, members);
    expect(message).to.equal('rank 1 (pid 101) failed in wait DISPATCH(0) of layer 1: segment without tokens');
    expect(detail).to.include({ pid: 101, cause: 'segment without tokens' });
    expect(detail).not.to.have.any.keys('signal', 'exitStatus');
  });

  it('is the first connection that broke, where there is nothing else', () => {
    const log = new FailureLog(PROGRAM);
    log.addLost(second);
    log.addLost(first);
    log.addReport(first, 'lost the connection to rank 1', true);
    expect(causeOf(log, members).detail.ranks).to.deep.equal([1]);
  });

  it('is told of a process that never joined, and of one that had not begun', () => {
    const never = new FailureLog(PROGRAM);
    never.addExit(exit(900, { code: 127 }));
    expect(causeOf(never, members).message).to.equal(
      'worker process 900 ended with exit status 127 before its first phase',
    );
    const early = new FailureLog(PROGRAM);
    early.addExit(exit(103, { signal: 'SIGKILL' }));
    const { message, detail } = causeOf(early, [member(103, [4])]);
    expect(message).to.equal('rank 4 (pid 103) was killed by SIGKILL before its first phase');
    expect(detail).not.to.have.any.keys('layer', 'phase');
  });

  it('is sought only once there is something in the log', () => {
    const log = new FailureLog(PROGRAM);
    expect(log.empty).to.equal(true);
    log.addLost(first);
    expect(log.empty).to.equal(false);
  });
});

describe('a run without progress', () => {
  it('names who is furthest behind when all still speak', () => {
    const { message, exitCode } = noProgress(PROGRAM, [member(100, [0], WAIT), member(101, [1], WAIT - 1)], 60);
    expect(message).to.match(/^no rank has moved for 60 s; furthest behind is rank 1 \(pid 101\) in .* of layer 1;/);
    expect(message).to.include('stallTimeoutSeconds');
    expect(exitCode).to.equal(4);
  });

  it('names who has been silent, though another is further behind', () => {
    const silent = member(100, [0], WAIT);
    silent.heardAt = performance.now() - 50_000;
    const { message } = noProgress(PROGRAM, [silent, member(101, [1], 0)], 60);
    expect(message).to.include('silent is rank 0 (pid 100) in wait DISPATCH(0) of layer 1');
  });

  it('names who is stopped, before who has been silent for longer, and says that it is', async () => {
    const stopped = spawn('sleep', ['60'], { stdio: 'ignore' });
    try {
      process.kill(stopped.pid!, 'SIGSTOP');
      const [silent, second] = [member(100, [0]), member(stopped.pid!, [1])];
      const { pid, machine, slots } = second;
      const here = new Member(NO_CHANNEL as Member['channel'], { pid, machine, slots, host: hostname() });
      Object.assign(here, { worker: 1, ranks: [1], state: 'ready' });
      while (!isStopped(pid)) await delay(5);
      Object.assign(silent, { heardAt: performance.now() - 100_000 });
      Object.assign(here, { heardAt: performance.now() - 90_000 });
      const { message } = noProgress(PROGRAM, [silent, here], 60, 'connecting');
      expect(message).to.include(
        `silent is rank 1 (pid ${stopped.pid}) while workers connect; that process is stopped`,
      );
    } finally {
      stopped.kill('SIGKILL');
    }
  });

  it('names all that have been silent, but of stopped ones only those', () => {
    const members = [100, 101, 102, 103].map((pid) => member(pid, [pid - 100], WAIT));
    for (const [i, one] of members.slice(1).entries()) one.heardAt = performance.now() - 50_000 + i;
    const { message } = noProgress(PROGRAM, members, 60);
    expect(message).to.match(
      /; silent is rank 1 \(pid 101\) in .* of layer 1, and so are rank 2 \(pid 102 on here\), rank 3 \(pid 103 on here\); see/,
    );
  });

  it('names those that do not hear each other, each two once, whoever has said so', () => {
    const members = [100, 101, 102].map((pid) => member(pid, [pid - 100], WAIT));
    members[0].unheard = [1];
    members[1].unheard = [0];
    members[2].unheard = [0];
    const { message, exitCode } = noProgress(PROGRAM, members, 60);
    expect(message).to.equal(
      'no rank has moved for 60 s; rank 0 (pid 100 on here) and rank 1 (pid 101 on here) do not hear each other, ' +
        'rank 2 (pid 102 on here) and rank 0 (pid 100 on here) do not hear each other; ' +
        'see the network between them, or raise stallTimeoutSeconds',
    );
    expect(exitCode).to.equal(4);
  });

  it('names no pair where somebody is silent: then that is why', () => {
    const members = [member(100, [0], WAIT), member(101, [1], WAIT)];
    members[0].unheard = [1];
    members[1].heardAt = performance.now() - 50_000;
    expect(noProgress(PROGRAM, members, 60).message)
      .to.include('silent is rank 1 (pid 101)')
      .and.not.include('hear');
  });

  it('names, of those that move no further, who has not come so far as others', () => {
    const [ready, listening] = [member(100, [0]), member(101, [1])];
    ready.state = 'ready';
    listening.state = 'listening';
    expect(noProgress(PROGRAM, [ready, listening], 60, 'connecting').message).to.include(
      'furthest behind is rank 1 (pid 101) while workers connect',
    );
  });
});

describe('two workers that do not reach each other', () => {
  const message = 'worker 0 could not connect to worker 2 within 30000 ms';

  it('are both named, for either may be the cause', () => {
    const members = [member(100, [0]), member(101, [1]), member(102, [2, 3])];
    const log = new FailureLog(PROGRAM);
    log.addReport(members[1], 'lost the connection', true);
    log.addReport(members[0], message, true, [2]);
    const { message: text, detail, exitCode } = causeOf(log, members);
    expect(text).to.equal(
      `rank 0 (pid 100 on here) and ranks 2–3 (pid 102 on here) could not connect to each other: ${message}`,
    );
    expect([detail.ranks, exitCode]).to.deep.equal([[0, 2, 3], 3]);
  });

  it('are told apart by who has been silent, whatever the others say of their time-outs', () => {
    const members = [member(100, [0]), member(101, [1]), member(102, [2, 3])];
    members[2].heardAt = performance.now() - 20_000;
    const log = new FailureLog(PROGRAM);
    log.addReport(members[0], message, true, [2]);
    log.addReport(members[1], 'worker 1 could not connect to worker 2 within 30000 ms', true, [2]);
    const error = log.rootCause(members);
    expect(error.exitCode).to.equal(4);
    expect(error.message).to.match(/^ranks 2–3 \(pid 102\) on here does not answer while workers connect; /);
  });
});
