import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveConfiguration } from '@epemu/config';
import type { Configuration } from '@epemu/config';
import { BadInputError, EpemuError, NoProgressError } from '@epemu/core';
import { MemoryFabric } from '@epemu/fabric';
import { RunSpool } from '@epemu/outputs';
import { buildProgram } from '@epemu/schedule';
import { expect } from 'chai';
import { spawnError } from './launcher.js';
import { runInThisProcess } from './local-run.js';
import { runScenario } from './run.js';
import type { RunOptions, RunOutcome } from './run.js';

function configurationOf(settings: readonly string[] = []): Configuration {
  const flags = { fabric: 'memory', ranks: 4, layers: 2 };
  return resolveConfiguration({
    scenario: 'decode',
    environment: {},
    flags: { ...flags, payload: { kind: 'none' } },
    settings: [...settings],
  });
}

describe('a run', () => {
  let base: string;
  let out: string;
  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), 'epemu-run-'));
    out = join(base, 'out');
  });
  afterEach(() => {
    rmSync(base, { recursive: true, force: true });
  });

  const run = (more: Partial<RunOptions> = {}): Promise<RunOutcome> =>
    runScenario({ configuration: configurationOf(), out, ...more });
  const writtenReport = (): Record<string, unknown> =>
    JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')) as Record<string, unknown>;

  const leftovers = (): string[] =>
    readdirSync(out, { recursive: true, encoding: 'utf8' }).filter(
      (name) =>
        !/^(ranks|[a-z-]+[.](json|log|prom|html)|[a-z-]+[.](json|bin)[.]gz|ranks.rank-\d{5}[.]json[.]gz)$/.test(name),
    );

  for (const [what, file, whole] of [
    ['a rank’s trace', 'ranks/rank-00002.json.gz', 2],
    ['the merged trace', 'trace.json.gz', 0],
    ['the operations', 'operations.bin.gz', 4],
  ] as const) {
    (existsSync('/dev/full') ? it : it.skip)(`fails with the disk's error when ${what} cannot be written`, async () => {
      const outcome = await run({
        onProgress: ({ stage }) => {
          if (stage === 'merging') symlinkSync('/dev/full', join(out, `${file}.partial`));
        },
      });
      expect(outcome.error?.message).to.include('ENOSPC');
      expect(outcome.error?.exitCode).to.equal(1);
      expect(outcome).to.deep.include({ ranksHandedOver: 4, unwritten: [] });
      expect(writtenReport()).to.include({ status: 'failed', digest: null, throughput: null });
      expect(readFileSync(join(out, 'metrics.prom'), 'utf8')).to.include('epemu_run_state{state="failed"} 1');
      expect(leftovers()).to.deep.equal([]);
      expect(existsSync(join(out, file))).to.equal(false);
      const ranks = readdirSync(join(out, 'ranks'));
      expect(ranks).to.have.length.of.at.least(Math.min(whole, 2));
      for (const name of ranks) JSON.parse(gunzipSync(readFileSync(join(out, 'ranks', name))).toString());
    });
  }

  for (const name of ['report.json', 'report.html', 'metrics.prom']) {
    (existsSync('/dev/full') ? it : it.skip)(`says in all of its files that ${name} could not be written`, async () => {
      const outcome = await run({
        onProgress: ({ stage }) => {
          // It goes with the first try; the second one has room.
          if (stage === 'merging') symlinkSync('/dev/full', join(out, `${name}.partial`));
        },
      });
      expect(outcome.error?.message).to.include('ENOSPC');
      expect(outcome.unwritten).to.deep.equal([]);
      expect(writtenReport()).to.include({ status: 'failed' }).and.have.property('error').that.includes('ENOSPC');
      expect(readFileSync(join(out, 'metrics.prom'), 'utf8')).to.include('epemu_run_state{state="failed"} 1');
      expect(readFileSync(join(out, 'report.html'), 'utf8')).to.include(
        'This run failed: the outputs cannot be written: ENOSPC',
      );
      expect(leftovers()).to.deep.equal([]);
    });
  }

  it('says from its beginning to its end that it has not ended', async () => {
    const reports: unknown[] = [];
    await run({ onProgress: ({ stage }) => stage === 'merging' && reports.push(writtenReport()) });
    expect(reports[0])
      .to.include({ status: 'failed', digest: null })
      .and.have.property('error')
      .that.includes('not ended');
    expect(writtenReport()).to.include({ status: 'ok' }).and.not.have.property('error');
  });

  it('has its folder for itself, while another one with --force as well', async () => {
    let second: unknown;
    const first = await run({
      onProgress: ({ stage }) => {
        if (stage === 'merging') second ??= run({ force: true }).catch((error: unknown) => error);
      },
    });
    expect(first.error).to.equal(undefined);
    expect(await second)
      .to.be.instanceOf(BadInputError)
      .with.property('message')
      .that.match(/into which process \d+ on .+ is writing/);
    expect(existsSync(join(out, '.lock'))).to.equal(false);
    expect((await run({ force: true })).report.digest).to.equal(first.report.digest);
  });

  it('that is ended while it merges stops there and is marked failed', async () => {
    const controller = new AbortController();
    const before = process.listenerCount('exit');
    const outcome = await run({
      signal: controller.signal,
      onProgress: ({ stage }) => {
        if (stage === 'merging') controller.abort(new EpemuError('ended by SIGINT', 130));
      },
    });
    // Ended before merging began: what there is is merged.
    expect(outcome.error).to.equal(undefined);
    const later = new AbortController();
    const ended = await run({
      force: true,
      signal: later.signal,
      onProgress: ({ stage }) => {
        if (stage === 'merging')
          setImmediate(() => {
            later.abort(new EpemuError('ended by SIGINT', 130));
          });
      },
    });
    expect(ended.error?.exitCode).to.equal(130);
    expect(writtenReport()).to.include({ status: 'failed', error: 'ended by SIGINT' });
    expect(leftovers()).to.deep.equal([]);
    expect(process.listenerCount('exit')).to.equal(before);
  });

  it('refuses faults that cannot happen before anything starts', async () => {
    const memory = configurationOf(['faults=[{"rank":1,"operation":0,"kind":"kill"}]']);
    const beyond = { ...memory, fabric: 'websocket' as const, faults: [{ ...memory.faults[0], operation: 9999 }] };
    for (const [configuration, words] of [
      [memory, /faults .*fabric is memory/],
      [beyond, /faults names operation 9999, but operations of rank \d+ are 0 to \d+$/],
    ] as const) {
      const error = await run({ configuration }).catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(BadInputError).and.have.property('message').that.matches(words);
      expect(existsSync(out)).to.equal(false);
    }
  });

  it('in one process that no longer moves ends, and keeps what it has', async () => {
    /** Loses all timing messages. */
    class DeafFabric extends MemoryFabric {
      override attach(...of: Parameters<MemoryFabric['attach']>): ReturnType<MemoryFabric['attach']> {
        return { ...super.attach(...of), sendHeader: () => undefined };
      }
    }
    const configuration = configurationOf(['stallTimeoutSeconds=1']);
    const spool = new RunSpool(base);
    const fabric = new DeafFabric();
    const program = buildProgram(configuration);
    const options = {
      configuration,
      program,
      spool,
      fabric,
      signal: undefined,
      follow: false,
      onEvent: () => undefined,
    };
    const error = await runInThisProcess(options).catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(NoProgressError);
    expect((error as Error).message).to.match(/^no rank has moved for 1 s; furthest behind is rank \d /);
    expect(spool.ranks).to.deep.equal([0, 1, 2, 3]);
  });

  it('tells the slowest rank’s operation, which never goes back', async () => {
    const shares: number[] = [];
    await run({ onProgress: ({ stage, share }) => stage === 'running' && shares.push(share) });
    expect(shares).to.deep.equal([...shares].sort((a, b) => a - b));
  });
});

describe('a worker process that could not be started', () => {
  it('is told of in one sentence that names the limit', () => {
    const error = spawnError(Object.assign(new Error('spawn EMFILE'), { code: 'EMFILE' }), 36, 128);
    expect(error.exitCode).to.equal(1);
    expect(error.message).to.match(/^worker process 37 of 128 .*\(spawn EMFILE\): the limit of open files or of proc/);
    expect(spawnError(new Error('spawn ENOENT'), 0, 1).message).not.to.include('limit');
  });
});
