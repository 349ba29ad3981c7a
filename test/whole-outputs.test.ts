import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import { EXIT_CODE } from '@epemu/core';
import type { Report } from '@epemu/outputs';
import { smallArguments } from './support/configuration.js';
import { within } from './support/processes.js';
import { CliProcess, runCli } from './support/run-cli.js';
import { TemporaryFolder } from './support/temporary.js';

const PATIENCE_MS = 60_000;

/** Reads all that is in a run's folder as what its name says. @returns the names, each of a file that is whole. */
function wholeFiles(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('.'));
  for (const name of names) {
    const bytes = readFileSync(join(folder, name));
    const content = name.endsWith('.gz') ? gunzipSync(bytes).toString('latin1') : bytes.toString();
    if (/[.]json([.]gz)?$/.test(name)) JSON.parse(content);
    expect(content, name).not.to.equal('');
  }
  return names.sort();
}

function reportOf(folder: string): Report {
  return JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as Report;
}

describe('what a run leaves', () => {
  const temporary = new TemporaryFolder();
  after(() => {
    temporary.remove();
  });

  for (const [signal, code] of [
    ['SIGINT', EXIT_CODE.interrupted],
    ['SIGTERM', EXIT_CODE.terminated],
  ] as const) {
    it(`is whole and marked when ${signal} comes while it merges`, async () => {
      const folder = temporary.fresh();
      const long = { fabric: 'memory', layers: 24, payload: 'none' };
      const command = new CliProcess(['run', ...smallArguments('decode', long), '--out', folder]);
      await within(PATIENCE_MS, () => existsSync(join(folder, 'ranks', 'rank-00000.json.gz')));
      command.kill(signal);
      const end = await command.end;
      expect(end.code, end.stderr).to.equal(code);
      expect(end.stderr).to.include('16 of 16 ranks handed over what they had');
      const names = wholeFiles(folder);
      expect(names).to.include('report.json').and.not.include('trace.json.gz').and.not.include('operations.bin.gz');
      expect(names.filter((name) => /partial|lock|spool/.test(name))).to.deep.equal([]);
      expect(reportOf(folder)).to.include({ status: 'failed', error: `ended by ${signal}`, digest: null });
    });
  }

  it('is marked when its process is killed, with no spool, and free for the next run', async () => {
    const folder = temporary.fresh();
    const slow = { fabric: 'websocket', layers: 58, pace: 0.5 };
    const command = new CliProcess(['run', ...smallArguments('decode', slow), '--out', folder]);
    await command.stderrMatch(/^running/m);
    const busy = await runCli(['run', ...smallArguments('decode'), '--out', folder, '--force']);
    expect(busy.code).to.equal(EXIT_CODE.badInput);
    expect(busy.stderr).to.include(`into which process ${command.pid} on`);
    command.kill('SIGKILL');
    await command.end;
    expect(readdirSync(folder)).to.have.members(['.lock', 'config.json', 'ranks', 'report.json', 'run.log']);
    expect(reportOf(folder)).to.include({ status: 'failed', digest: null });
    expect(reportOf(folder).error).to.include('its process was killed');
    const next = await runCli(['run', ...smallArguments('decode'), '--out', folder, '--force']);
    expect(next.code, next.stderr).to.equal(0);
    expect(reportOf(folder)).to.include({ status: 'ok' });
    expect(existsSync(join(folder, '.lock'))).to.equal(false);
  });

  it('is said to be a part by analyze when ranks are missing, or its run failed', async () => {
    const folder = temporary.fresh();
    const run = await runCli(['run', ...smallArguments('decode', { ranks: 8 }), '--out', folder]);
    expect(run.code, run.stderr).to.equal(0);
    const whole = await runCli(['analyze', folder]);
    expect([whole.code, whole.stderr]).to.deep.equal([0, '']);
    for (const rank of [3, 4, 5, 6, 7]) rmSync(join(folder, 'ranks', `rank-0000${rank}.json.gz`));
    const part = await runCli(['analyze', folder, '--json']);
    expect(part.code).to.equal(EXIT_CODE.badInput);
    expect(part.stderr).to.include('lacks the traces of 5 ranks of 8 (3, 4, 5, 6, 7)').and.include('partial');
    expect(JSON.parse(part.stdout)).to.have.nested.property('problems[0].partial', true);
  });
});
