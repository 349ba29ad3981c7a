import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { LINT_RULES } from '@epemu/trace';
import { expect } from 'chai';
import { runCli } from './support/run-cli.js';
import type { CliEnd } from './support/run-cli.js';
import { TemporaryFolder } from './support/temporary.js';

/** A kernel that no rule minds. */
const KERNEL =
  '{"ph":"X","cat":"kernel","name":"k","pid":0,"tid":0,"ts":5,"dur":1,"args":{"stream":7,"correlation":1}}';
const SOUND = '{"traceEvents":[{"ph":"i","name":"a","pid":0,"tid":0,"ts":1}]}';
const NAMES = ['process_name', 'thread_name'].map((name) => `{"ph":"M","name":"${name}","pid":0,"tid":0}`).join();
const LINT = ['trace', 'lint'];

describe('epemu trace lint', () => {
  const temporary = new TemporaryFolder();
  after(() => {
    temporary.remove();
  });

  async function lint(content: string | Buffer, ...flags: string[]): Promise<CliEnd & { readonly path: string }> {
    const path = join(temporary.path, 'trace.json');
    writeFileSync(path, content);
    return { ...(await runCli([...LINT, path, ...flags])), path };
  }

  it('ends with 0 for warnings and 1 for errors, and counts both', async () => {
    const warned = await lint(SOUND);
    expect(warned.code).to.equal(0);
    expect(warned.stdout).to.include(`${warned.path}: event 0: warning thread-named: thread 0 of process 0 has`);
    expect(warned.stdout).to.match(/: 25 rules, 0 errors, 3 warnings\n$/);
    const wrong = await lint(SOUND.replace('"ts":1', '"ts":-1'));
    expect(wrong.code).to.equal(1);
    expect(wrong.stdout).to.include(': event 0: error event-timed: a (i) has ts -1 (');
    const none = await lint(SOUND.replace('[', `[${NAMES},${KERNEL},`));
    expect([none.code, none.stdout]).to.deep.equal([0, `${none.path}: 25 rules, no problems\n`]);
  });

  it('prints problems as a JSON array, as many of a rule as asked', async () => {
    const spoilt = SOUND.replace('[', `[${'{"ph":"i","name":"a","pid":0,"tid":0},'.repeat(5)}`);
    const { stdout, code } = await lint(spoilt, '--json', '--limit', '2');
    const problems = JSON.parse(stdout) as { rule: string; severity: string; index: number }[];
    expect(code).to.equal(1);
    const timed = problems.filter(({ rule }) => rule === 'event-timed');
    expect(timed.map(({ severity, index }) => [severity, index])).to.deep.equal([
      ['error', 0],
      ['error', 1],
    ]);
  });

  it('names what it cannot check: a folder', async () => {
    const { code, stderr } = await runCli([...LINT, temporary.path]);
    expect([code, stderr]).to.deep.equal([2, `epemu: ${temporary.path} is a folder; name one trace in it\n`]);
  });

  const whole = gzipSync(JSON.stringify({ traceEvents: Array.from({ length: 999 }, (_, ts) => ({ ph: 'i', ts })) }));
  const cut = gzipSync(Buffer.from(SOUND).subarray(0, 40));
  for (const [what, content, message] of [
    [
      'truncated gzip',
      whole.subarray(0, whole.length / 2),
      /unexpected end of file \(byte \d+ of its text, near event/,
    ],
    ['truncated JSON', SOUND.slice(0, 40), /ends in the middle, after 0 whole events \(byte 40 of/],
    ['truncated JSON, packed', cut, /ends in the middle, after 0 whole events \(byte 40 of/],
    ['a table', 'ts,dur\n1,2\n', /no "traceEvents" array: it begins with "t", where a trace has \{ or \[ \(byte 0\)/],
    ['a report', '{"schema":"epemu-report/1"}', /no "traceEvents" array in its 27 bytes/],
    ['nothing', '', /no "traceEvents" array in its 0 bytes/],
    ['bytes', Buffer.alloc(300_000, 0xa5), /it begins with "�"/],
  ] as const) {
    it(`refuses ${what} with code 2 and one sentence that names file and place`, async () => {
      const { code, stdout, stderr, path } = await lint(content);
      expect({ code, stdout }, stderr).to.deep.equal({ code: 2, stdout: '' });
      expect(stderr).to.match(/^epemu: [^\n]+\n$/);
      expect(stderr).to.include(`${path} cannot be read as a trace: `);
      expect(stderr).to.match(message);
    });
  }

  it('lists the rules, as text and as JSON, without a file', async () => {
    const { stdout } = await runCli([...LINT, '--rules']);
    expect(stdout.split('\n').length - 1).to.equal(LINT_RULES.length);
    const json = await runCli([...LINT, '--rules', '--json']);
    expect(JSON.parse(json.stdout)).to.deep.equal(LINT_RULES);
  });

  it('refuses a missing file and a limit that is none', async () => {
    expect(await runCli(LINT)).to.include({
      code: 2,
      stderr: 'epemu: no trace is named; give a file, or --rules to list the rules\n',
    });
    for (const limit of ['0', 'many', '1.5']) {
      const { code, stderr } = await lint(SOUND, '--limit', limit);
      expect([code, stderr]).to.deep.equal([2, `epemu: --limit is ${limit}; give a whole number of 1 or more\n`]);
    }
  });

  it('checks the rules that docs/formats.md lists', () => {
    const text = readFileSync(new URL('../docs/formats.md', import.meta.url), 'utf8');
    const section = text.split('## What `epemu trace lint` checks')[1].split('\n## ')[0];
    const listed = section.split('\n').flatMap((line) => {
      const [, id, severity, reason] = /^\| `([a-z0-9-]+)` +\| (\w+) +\| (.+?) +\|$/.exec(line) ?? [];
      return id === undefined ? [] : [{ id, severity, reason }];
    });
    expect(listed).to.deep.equal(LINT_RULES);
  });
});
