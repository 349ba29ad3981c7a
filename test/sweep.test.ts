import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT_CODE } from '@epemu/core';
import { expect } from 'chai';
import { runCli } from './support/run-cli.js';
import { TemporaryFolder } from './support/temporary.js';

const SMALL = ['--ranks', '8', '--kv-precision', 'fp8', '--set', 'kvLength=512', '--model', 'qwen3-235b-a22b'];

interface Told {
  readonly points: readonly {
    readonly values: Readonly<Record<string, string>>;
    readonly status: string;
    readonly why?: string;
    readonly figures?: { readonly steady: { readonly layerUs: { readonly mean: number } } };
  }[];
  readonly best: { readonly values: Readonly<Record<string, string>> } | null;
  readonly sentence: string;
}

async function told(...args: string[]): Promise<Told> {
  const { code, stdout, stderr } = await runCli([...args, '--json']);
  expect(code, stderr).to.equal(0);
  return JSON.parse(stdout) as Told;
}

describe('epemu sweep', () => {
  const temporary = new TemporaryFolder();
  const out = join(temporary.path, 'sweep');
  after(() => {
    temporary.remove();
  });

  it('has the figures of a run at each point, keeps what cannot be as a row, and writes table, JSON and page', async () => {
    const over = ['--over', 'batch=8,16', '--over', 'overlap=full,none,bogus'];
    const { points, best, sentence } = await told(
      'sweep',
      'decode',
      ...SMALL,
      ...over,
      '--minimize',
      'layer',
      '--out',
      out,
    );
    expect(points.map(({ status }) => status)).to.deep.equal(['ok', 'ok', 'failed', 'ok', 'ok', 'failed']);
    expect(points[2].why).to.include('overlap is "bogus"');
    const [point] = points;
    const run = ['run', 'decode', ...SMALL, '--tokens-per-microbatch', '8', '--fabric', 'memory', '--payload', 'none'];
    const { stdout } = await runCli([...run, '--json', '--out', join(temporary.path, 'run')]);
    const { steady } = JSON.parse(stdout) as { steady: { layerUs: { mean: number } } };
    expect(point.figures?.steady.layerUs.mean).to.equal(steady.layerUs.mean);
    const layers = points.flatMap(({ figures }) => figures?.steady.layerUs.mean ?? []);
    const least = points.find(({ figures }) => figures?.steady.layerUs.mean === Math.min(...layers));
    expect(best?.values).to.deep.equal(least?.values);
    expect(sentence).to.include('the least layer');
    const csv = readFileSync(join(out, 'sweep.csv'), 'utf8').trimEnd().split('\r\n');
    expect(csv).to.have.lengthOf(7);
    expect(csv[0]).to.match(/^tokensPerMicrobatch,overlap,layer_us,/);
    const page = readFileSync(join(out, 'sweep.html'), 'utf8');
    expect(page).to.include('<svg class="chart"').and.include('heat-table').and.include('heat-best');
  });

  it('emulates nothing again that is there, even behind a line that was cut off', async () => {
    const points = join(out, 'points.jsonl');
    appendFileSync(points, '\n{"id": "cut o');
    const before = readFileSync(points, 'utf8');
    const args = ['sweep', 'decode', ...SMALL, '--over', 'batch=8,16', '--over', 'overlap=full,none', '--out', out];
    const { code, stderr } = await runCli(args);
    expect(code).to.equal(0);
    expect(stderr).to.include('4 points of before');
    expect(readFileSync(points, 'utf8')).to.equal(before);
    const more = await told(...args.map((arg) => (arg === 'batch=8,16' ? 'batch=8,16,24' : arg)));
    expect(more.points).to.have.lengthOf(6);
    const lines = readFileSync(points, 'utf8').slice(before.length).trim().split('\n');
    expect(lines).to.have.lengthOf(2);
  });

  it('takes a sweep from a file, and flags over it', async () => {
    const file = join(temporary.path, 'mine.yaml');
    writeFileSync(
      file,
      'scenario: decode\nset: {ranks: 8, kvLength: 512}\nover: {batch: 8..16:8}\nunder: layer<=10s\n',
    );
    expect((await told('sweep', file)).points).to.have.lengthOf(2);
    const changed = await told('sweep', file, '--over', 'batch=4', '--under', 'layer=1us');
    expect(changed.points.map(({ values }) => values['tokensPerMicrobatch'])).to.deep.equal(['4']);
    expect(changed.best).to.equal(null);
  });

  it('refuses misspelt keys and figures before anything is emulated', async () => {
    for (const [flags, said] of [
      [['--over', 'bogus=1,2'], 'there is no bogus'],
      [['--over', 'batch=8', '--minimize', 'lair'], '--minimize lair'],
      [['--over', 'batch=8', '--under', 'tpot=3GB'], '--under tpot<=3GB is in GB'],
      [[], 'nothing is swept'],
    ] as const) {
      const { code, stderr } = await runCli(['sweep', 'decode', ...SMALL, ...flags]);
      expect(code).to.equal(EXIT_CODE.badInput);
      expect(stderr).to.include(said);
    }
  });
});

describe('epemu tune', () => {
  it('finds the largest batch within a limit, and shows what it looked at', async () => {
    const over = ['--over', 'batch=2..60:2', '--maximize', 'throughput'];
    const all = await told('sweep', 'decode', ...SMALL, ...over, '--under', 'layer=700us');
    const searched = await told('tune', 'decode', ...SMALL, ...over, '--under', 'layer=700us');
    expect(searched.best?.values).to.deep.equal(all.best?.values);
    expect(searched.points.length).to.be.below(all.points.length);
  });
});
