import { mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { runCli } from './support/run-cli.js';
import { TemporaryFolder } from './support/temporary.js';

/** What the plugin lists, by its `consts.py`: a worker, a span where there is one, the end. */
const LISTED = /^(.*?)(\.\d+)?\.pt\.trace\.json(?:\.gz)?$/;

describe('epemu trace tensorboard', () => {
  const temporary = new TemporaryFolder();
  after(() => {
    temporary.remove();
  });

  function folderOf(...names: string[]): string {
    const folder = temporary.fresh();
    mkdirSync(folder, { recursive: true });
    for (const name of names) {
      mkdirSync(join(folder, name, '..'), { recursive: true });
      writeFileSync(join(folder, name), name);
    }
    return folder;
  }

  it("links a run's rank traces by names that the plugin lists, and only these; again with the same end", async () => {
    const run = folderOf('config.json', 'trace.json.gz', 'ranks/rank-00000.json.gz', 'ranks/rank-00001.json.gz');
    for (let time = 0; time < 2; time++) {
      const { code, stdout, stderr } = await runCli(['trace', 'tensorboard', run]);
      expect(code, stderr).to.equal(0);
      expect(stdout).to.equal(`2 traces in ${run}/tensorboard; show with: tensorboard --logdir ${run}/tensorboard\n`);
    }
    const names = readdirSync(join(run, 'tensorboard'));
    expect(names).to.have.members(['rank-00000.pt.trace.json.gz', 'rank-00001.pt.trace.json.gz']);
    expect(names.map((name) => LISTED.exec(name)?.[1])).to.have.members(['rank-00000', 'rank-00001']);
    expect(readFileSync(join(run, 'tensorboard', names[0]), 'utf8')).to.match(/^ranks\/rank-0000\d/);
  });

  it('keeps its links when a run is moved, and takes other folders of traces, by names of their own', async () => {
    const run = folderOf('ranks/rank-00000.json.gz');
    expect((await runCli(['trace', 'tensorboard', run])).code).to.equal(0);
    const moved = temporary.fresh();
    renameSync(run, moved);
    expect(readFileSync(join(moved, 'tensorboard/rank-00000.pt.trace.json.gz'), 'utf8')).to.include('rank-00000');
    const folder = folderOf('host_1.pt.trace.json', 'b.json', 'notes.txt');
    const out = temporary.fresh();
    expect((await runCli(['trace', 'tensorboard', folder, '--out', out])).code).to.equal(0);
    expect(readdirSync(out)).to.have.members(['host_1.pt.trace.json', 'b.pt.trace.json']);
  });

  it('makes a folder that analyze reads as it reads the run', async () => {
    const event = {
      ph: 'X',
      cat: 'kernel',
      name: 'k',
      pid: 0,
      tid: 7,
      ts: 5,
      dur: 1,
      args: { stream: 7, correlation: 1 },
    };
    const run = folderOf();
    mkdirSync(join(run, 'ranks'));
    writeFileSync(join(run, 'ranks', 'rank-00000.json'), JSON.stringify({ traceEvents: [event] }));
    expect((await runCli(['trace', 'tensorboard', run])).code).to.equal(0);
    const { code, stdout, stderr } = await runCli(['analyze', join(run, 'tensorboard'), '--json']);
    expect(code, stderr).to.equal(0);
    expect(stdout).to.include('"k"');
  });

  it('refuses what holds no traces, and where no links can be made, with one sentence', async () => {
    const none = folderOf('notes.txt');
    const some = folderOf('a.json');
    for (const [args, said] of [
      [[none], 'has no traces (.json, .json.gz)'],
      [[join(some, 'a.json')], 'is no folder'],
      [[some, '--out', join(some, 'a.json')], 'cannot be given links'],
    ] as const) {
      const { code, stdout, stderr } = await runCli(['trace', 'tensorboard', ...args]);
      expect([code, stdout]).to.deep.equal([2, '']);
      expect(stderr)
        .to.match(/^epemu: [^\n]+\n$/)
        .and.include(said);
    }
  });
});
