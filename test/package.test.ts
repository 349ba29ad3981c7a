import { mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import { PROJECT, runCommand } from './support/commands.js';
import { TemporaryFolder } from './support/temporary.js';

/** @returns the code blocks of a language in a Markdown file. */
function blocksOf(file: string, language: string): string[] {
  const text = readFileSync(join(PROJECT, file), 'utf8');
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, code]) => code);
}

describe('the npm package', () => {
  const temporary = new TemporaryFolder();
  const files: { path: string; size: number }[] = [];
  let command: string;

  /** Runs a line of a shell where the package is installed, beside nothing of the repository. */
  const inFolder = async (line: string): Promise<{ code: number | null; stdout: string; stderr: string }> =>
    runCommand('bash', ['-c', line], {}, temporary.path);

  before(async () => {
    const packed = await runCommand('node', ['scripts/pack.mjs', '--to', temporary.path], {}, PROJECT);
    expect(packed.code, packed.stderr).to.equal(0);
    const modules = join(temporary.path, 'node_modules');
    mkdirSync(join(modules, 'epemu'), { recursive: true });
    const archive = readdirSync(temporary.path).find((name) => name.endsWith('.tgz'))!;
    const unpacked = await inFolder(`tar -xzf ${archive} --strip-components=1 -C node_modules/epemu && rm -r epemu`);
    expect(unpacked.code, unpacked.stderr).to.equal(0);
    // What npm would fetch is there already: the repository depends on the same.
    mkdirSync(join(modules, '@types'));
    const { dependencies } = JSON.parse(readFileSync(join(modules, 'epemu/package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    for (const name of [...Object.keys(dependencies), '@types/node', 'typescript']) {
      symlinkSync(resolve(PROJECT, 'node_modules', name), join(modules, name));
    }
    writeFileSync(join(temporary.path, 'package.json'), '{ "type": "module" }');
    const listed = await inFolder(`find node_modules/epemu -type f -printf '%s %p\\n'`);
    for (const line of listed.stdout.trim().split('\n')) {
      const [size, path] = line.split(' ');
      files.push({ path, size: Number(size) });
    }
    command = 'node node_modules/epemu/packages/cli/bin/epemu.js';
  });

  it('is at most 8 MB, without sources, tests or a native part', () => {
    expect(files.reduce((sum, { size }) => sum + size, 0)).to.be.at.most(8e6);
    expect(files.filter(({ path }) => /\.node$|\/src\/|\.test\.|\.map$/.test(path))).to.deep.equal([]);
  });

  it('prints its version by -v and --version', async () => {
    const { version } = JSON.parse(readFileSync(join(PROJECT, 'packages/core/package.json'), 'utf8')) as {
      version: string;
    };
    expect((await inFolder(`${command} -v`)).stdout.trim()).to.equal(version);
    expect((await inFolder(`${command} --version`)).stdout.trim()).to.equal(version);
  });

  it('runs live ranks in processes with the digest of the repository’s own command', async () => {
    const flags = 'run decode --ranks 4 --layers 3 --tokens-per-microbatch 16 --threads 1 --json';
    const own = await runCommand(
      'node',
      ['packages/cli/bin/epemu.js', ...flags.split(' '), '--out', join(temporary.path, 'own')],
      {},
      PROJECT,
    );
    const installed = await inFolder(`${command} ${flags} --out installed`);
    expect(installed.code, installed.stderr).to.equal(0);
    const digestOf = ({ stdout }: { stdout: string }): unknown => (JSON.parse(stdout) as { digest: unknown }).digest;
    expect(digestOf(installed)).to.be.a('string').and.equal(digestOf(own));
  });

  it('has the functions and types of the example in docs/api.md, which compiles and runs', async () => {
    const [example] = blocksOf('docs/api.md', 'ts');
    writeFileSync(join(temporary.path, 'example.ts'), example);
    const compiled = await inFolder(
      'node node_modules/typescript/bin/tsc --strict --module nodenext --target es2022 --types node example.ts',
    );
    expect(compiled.code, compiled.stdout).to.equal(0);
    const ran = await inFolder('node example.js');
    expect(ran.code, ran.stderr).to.equal(0);
    expect(ran.stdout.split('\n')[0]).to.match(/^ok [\d.]+ [0-9a-f]{64}$/);
  });

  it('brings the skill for agents, whose commands work and print JSON', async () => {
    expect(files.map(({ path }) => path)).to.include('node_modules/epemu/skills/epemu/SKILL.md');
    const [commands] = blocksOf('skills/epemu/SKILL.md', 'sh');
    for (const line of commands.trim().split('\n')) {
      const { code, stdout, stderr } = await inFolder(line.replace(/^epemu/, command));
      expect(code, `${line}: ${stderr}`).to.equal(0);
      if (line.includes('--json')) expect(() => JSON.parse(stdout) as unknown, line).not.to.throw();
    }
  });
});
