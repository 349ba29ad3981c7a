import { join } from 'node:path';
import { expect } from 'chai';
import { PROJECT, runCommand } from './support/commands.js';
import { differenceLines } from './support/event-differences.js';
import type { CliEnd } from './support/run-cli.js';
import type { VirtualEvent, VirtualRun } from './support/virtual-events.js';

function event(what: string, startNs: number, endNs: number, nth = 0): VirtualEvent {
  return { what, nth, startNs, endNs };
}

function runOf(events: readonly VirtualEvent[], experts: readonly string[] = ['']): VirtualRun {
  return { tracks: [{ name: 'rank 0, stream 7', events }], experts };
}

const ATTENTION = 'ATTN of layer 0, micro-batch 0: gemm';
const EXPERTS = 'MLP of layer 0, micro-batch 0: gemm';
const BEFORE = [event(ATTENTION, 0, 10), event(EXPERTS, 20, 30), event(EXPERTS, 30, 45, 1)];

describe('the differences of two runs', () => {
  it('are none of a run and itself', () => {
    expect(differenceLines(runOf(BEFORE), runOf(BEFORE))).to.deep.equal([]);
  });

  it('are the first divergent event of a stream, what takes another time, and what was only moved', () => {
    const after = [event(ATTENTION, 0, 10), event(EXPERTS, 20, 33), event(EXPERTS, 33, 48, 1)];
    expect(differenceLines(runOf(BEFORE), runOf(after), true)).to.deep.equal([
      'first divergent event of each stream and port:',
      `  rank 0, stream 7, event 1: ${EXPERTS} at 20–30 → 20–33`,
      'what takes another time, by stream or port, phase and kernel:',
      '  stream 7, MLP: gemm: 1 by +3 ns',
      'what takes the same time, elsewhere:',
      '  stream 7, MLP: gemm: 1 by +3 ns',
      'each event that has changed:',
      `  rank 0, stream 7, ${EXPERTS}: 20–30 → 20–33, +3 ns long`,
      `  rank 0, stream 7, ${EXPERTS} #2: 30–45 → 33–48, +0 ns long`,
    ]);
  });

  it('are events that are gone or new, whose neighbours stay the same events', () => {
    const after = [event('CAST of layer 0, micro-batch 0: cast', 0, 2), ...BEFORE.slice(1)];
    expect(differenceLines(runOf(BEFORE), runOf(after))).to.deep.equal([
      'first divergent event of each stream and port:',
      `  rank 0, stream 7, event 0: ${ATTENTION} was at 0–10 → CAST of layer 0, micro-batch 0: cast at 0–2`,
      'what is there no more, or is new:',
      '  new: rank 0, stream 7, CAST of layer 0, micro-batch 0: cast',
      `  gone: rank 0, stream 7, ${ATTENTION}`,
    ]);
    expect(differenceLines(runOf(BEFORE), runOf(BEFORE.slice(0, 2)))[1]).to.equal(
      `  rank 0, stream 7, event 2: nothing, where ${EXPERTS} #2 was at 30–45`,
    );
  });

  it('are rows that other experts received', () => {
    expect(differenceLines(runOf(BEFORE, ['a', 'b']), runOf(BEFORE, ['a', 'c']))).to.deep.equal([
      'ranks whose experts received other rows:',
      '  1',
    ]);
  });
});

describe('the script that explains a digest', function () {
  function explain(...args: string[]): Promise<CliEnd> {
    return runCommand(process.execPath, [join(PROJECT, 'scripts', 'explain-digest.mjs'), ...args]);
  }

  const hasHistory = runCommand('git', ['rev-parse', '--verify', 'HEAD']).then(({ code }) => code === 0);

  for (const [args, sentence] of [
    [[], 'give a configuration and, if you like, a revision'],
    [['luck'], 'luck is neither a file nor a golden run; name a file, all, or one of train, '],
    [['decode', '--all'], "Unknown option '--all'"],
  ] as const) {
    it(`refuses ${args.length === 0 ? 'nothing' : args.join(' ')} with one sentence`, async () => {
      const { code, stderr } = await explain(...args);
      expect(code).to.equal(2);
      expect(stderr).to.include(sentence).and.not.include('    at ');
    });
  }

  it('refuses a revision that there is not', async function () {
    if (!(await hasHistory)) this.skip();
    for (const revision of ['nowhere', '--help=1', '']) {
      const { code, stderr } = await explain('--', 'decode', revision);
      expect(code).to.equal(2);
      expect(stderr).to.include('is no revision of this repository');
    }
  });

  it('runs the code of another revision beside the present (long form)', async function () {
    if (process.env['EPEMU_TEST_LONG'] !== '1' || !(await hasHistory)) this.skip();
    const { code, stdout } = await explain('decode', 'HEAD');
    expect(code, stdout).to.be.oneOf([0, 1]);
    expect(stdout).to.match(/^since [0-9a-f]+ .+\ndecode: /);
    const { stdout: worktrees } = await runCommand('git', ['worktree', 'list']);
    expect(worktrees).to.not.include('epemu-revision-');
  });
});
