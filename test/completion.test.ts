import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { EXIT_CODE } from '@epemu/core';
import { resolveConfiguration } from '@epemu/config';
import { runCommand } from './support/commands.js';
import { runCli } from './support/run-cli.js';
import { hasShell, typed } from './support/shells.js';
import { TemporaryFolder } from './support/temporary.js';

/** What is typed before the tab, and what the command is then called with. */
const TYPED: readonly (readonly [string, string])[] = [
  ['epemu coo', 'coordinator'],
  ['epemu trace l', 'trace lint'],
  ['epemu run pre', 'run prefill'],
  ['epemu run --rou', 'run --routing'],
  ['epemu run --routing stat', 'run --routing statistical'],
  ['epemu run --routing=bal', 'run --routing=balanced'],
  ['epemu run decode --fabric mem', 'run decode --fabric memory'],
  ['epemu run --payload no', 'run --payload none'],
  ['epemu run --model kimi', 'run --model kimi-k2'],
  ['epemu coordinator --hardware gb2', 'coordinator --hardware gb200-nvl72'],
  ['epemu collective --mode low', 'collective --mode low-latency'],
  ['epemu kernel attention-d', 'kernel attention-decode'],
  ['epemu analyze --align al', 'analyze --align always'],
  ['epemu presets qwen', 'presets qwen3-235b-a22b'],
  ['epemu completion fi', 'completion fish'],
  ['epemu --debug run --out tra', '--debug run --out traces'],
  ['epemu analyze odd', 'analyze odd name.json'],
  ['epemu trace lint odd', 'trace lint odd name.json'],
];

describe('completion', () => {
  const temporary = new TemporaryFolder();
  const scripts = new Map<string, string>();

  before(async () => {
    mkdirSync(join(temporary.path, 'traces'));
    writeFileSync(join(temporary.path, 'odd name.json'), '');
    for (const shell of ['bash', 'zsh', 'fish']) {
      const { code, stdout, stderr } = await runCli(['completion', shell]);
      expect(code, stderr).to.equal(0);
      const path = join(temporary.path, `.completion.${shell}`);
      writeFileSync(path, stdout);
      scripts.set(shell, path);
    }
  });

  after(() => {
    temporary.remove();
  });

  for (const shell of ['bash', 'zsh', 'fish'] as const) {
    it(`finishes in ${shell} what is typed: commands, options, values, presets and files (needs ${shell})`, async function () {
      if (!hasShell(shell)) this.skip();
      const texts = TYPED.map(([text]) => text);
      const results = await typed(shell, scripts.get(shell) ?? '', texts, temporary.path);
      // zsh takes the slash behind a folder back at Enter.
      expect(texts.map((text, i) => [text, results[i].replace(/\/$/, '')])).to.deep.equal(TYPED);
    });
  }

  it('offers in fish everything there is, with what it is for (needs fish)', async function () {
    if (!hasShell('fish')) this.skip();
    const offers = async (text: string): Promise<string[]> => {
      const script = `source ${scripts.get('fish') ?? ''}; complete -C '${text}'`;
      const { stdout } = await runCommand('fish', ['--no-config', '-c', script], {}, temporary.path);
      return stdout.trimEnd().split('\n').sort();
    };
    const words = async (text: string): Promise<string[]> => (await offers(text)).map((line) => line.split('\t')[0]);
    expect(await words('epemu run --routing ')).to.deep.equal([
      'balanced',
      'biased',
      'measured',
      'skewed',
      'statistical',
    ]);
    expect(await words('epemu run ')).to.deep.equal([
      'afd',
      'decode',
      'odd name.json',
      'pipeline',
      'prefill',
      'traces/',
      'train',
    ]);
    expect(await words('epemu run --ranks ')).to.deep.equal(['']);
    expect(await offers('epemu trace ')).to.deep.equal([
      'lint\tcheck a trace, ours or anybody’s, against the rules that Perfetto, HTA and TensorBoard need',
      "tensorboard\tlink a run's rank traces under the names that TensorBoard's PyTorch profiler plugin lists",
    ]);
    const { stdout: help } = await runCli(['--help']);
    const listed = [...help.matchAll(/^ {2}([a-z]+)\b.* {2}\w/gm)]
      .map(([, name]) => name)
      .filter((name) => name !== 'help');
    expect(listed.length).to.be.above(10);
    expect(await words('epemu ')).to.deep.equal(listed.sort());
  });

  it('offers values of the configuration that a run takes, and all that it takes', async () => {
    const script = (await runCli(['completion', 'bash'])).stdout;
    const valuesOf = (flag: string): string[] => {
      const [, list] = new RegExp(`'epemu run --${flag}'\\) _epemu_words '([^']*)'`).exec(script) ?? [];
      return list.split('\n');
    };
    const flags = {
      routing: 'routing',
      overlap: 'overlap',
      fabric: 'fabric',
      'kernel-names': 'kernelNames',
      era: 'era',
    };
    for (const [flag, key] of Object.entries(flags)) {
      const values = valuesOf(flag);
      expect(values.length, flag).to.be.above(1);
      for (const value of values) {
        const loads = value === 'measured' ? { expertLoads: 'examples/expert-loads.csv' } : {};
        const configuration = resolveConfiguration({ scenario: 'decode', flags: { [key]: value, ...loads } });
        expect(configuration).to.have.property(key, value);
      }
    }
  });

  it('is refused for a shell that it does not know, naming those it does', async () => {
    const { code, stderr } = await runCli(['completion', 'tcsh']);
    expect(code).to.equal(EXIT_CODE.badInput);
    expect(stderr).to.match(/'tcsh' is invalid for argument 'shell'\. Allowed choices are bash, zsh, fish\./);
  });
});
