import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Comparison } from '@epemu/analysis';
import type { Browser } from 'playwright-core';
import { expect } from 'chai';
import { CHROMIUM, launchBrowser, openPage } from './support/browser.js';
import { smallArguments } from './support/configuration.js';
import { runCli } from './support/run-cli.js';
import type { CliEnd } from './support/run-cli.js';
import { TemporaryFolder } from './support/temporary.js';

// The published trace is not part of the repository; beside it where there is one.
const BESIDE = '../shared/reference/train/train.json';
const PUBLISHED = fileURLToPath(new URL(BESIDE, new URL('../', import.meta.url)));

/** So many that computation takes longer than the CPU needs to launch it. */
const TOKENS = { tokensPerMicrobatch: 1024 };

type Printed = Comparison & { readonly sentence: string };

describe('epemu compare', () => {
  const temporary = new TemporaryFolder();
  const [plain, slow, decode, saved] = ['plain', 'slow', 'decode', 'saved.json'].map((name) =>
    join(temporary.path, name),
  );
  const html = join(temporary.path, 'comparison.html');

  before(async function () {
    this.timeout(120_000);
    for (const [out, args] of [
      [plain, smallArguments('train', TOKENS)],
      [slow, [...smallArguments('train', TOKENS), '--set', 'slowRanks=[{"rank":3,"factor":1.5}]']],
      [decode, smallArguments('decode')],
    ] as const) {
      const { code, stderr } = await runCli(['run', ...args, '--payload', 'none', '--out', out]);
      expect(code, stderr).to.equal(0);
    }
    writeFileSync(saved, (await runCli(['analyze', plain, '--json'])).stdout);
  });
  after(() => {
    temporary.remove();
  });

  /** Runs the command and takes what it prints as JSON. */
  async function compared(...args: string[]): Promise<Printed> {
    const { stdout, stderr, code } = await runCli(['compare', ...args, '--json']);
    expect(code, stderr).to.equal(0);
    return JSON.parse(stdout) as Printed;
  }

  it('finds no difference between a run and itself', async () => {
    const { decomposition, changes, sentence, schema } = await compared(plain, plain);
    expect([schema, decomposition.difference.layerUs, changes]).to.deep.equal(['epemu-comparison/1', 0, []]);
    expect(sentence).to.match(/^A and B do not differ beyond rounding: a steady layer takes [\d.]+ [mµ]s in both\.$/);
  });

  for (const [what, paths] of [
    ['a report and the traces', [join(plain, 'report.json'), plain]],
    ['a saved analysis and the traces', [saved, plain]],
    ['a report and a saved analysis', [join(plain, 'report.json'), saved]],
    ['rank files and the merged trace', [plain, join(plain, 'trace.json.gz')]],
  ] as const) {
    it(`finds no difference between ${what} of one run`, async () => {
      const { decomposition, changes, figures, phases, kernelClasses } = await compared(...paths);
      expect(decomposition.difference.layerUs).to.equal(0);
      for (const { name, difference } of figures) expect(difference, name).to.equal(0);
      // Means of a report are rounded to the ns, and so is what they are multiplied to.
      for (const { differenceUs } of [...changes, ...kernelClasses]) expect(Math.abs(differenceUs)).to.be.below(0.02);
      for (const { phase, a, b } of phases) expect([a === null, b === null], phase).to.deep.equal([false, false]);
    });
  }

  it('finds no difference between the traces and the report of a run with background transfers', async () => {
    const { decomposition, basis, figures } = await compared(decode, join(decode, 'report.json'));
    expect([decomposition.difference.layerUs, basis.transfers]).to.deep.equal([0, true]);
    for (const { name, difference } of figures) expect(difference, name).to.equal(0);
  });

  it('says what a slow rank changed, as text with both layers, and ends with 1 above a threshold', async () => {
    const { stdout, stderr, code } = await runCli(['compare', plain, slow, '--fail-above', '1']);
    expect(code).to.equal(1);
    expect(stderr).to.match(
      /(?:^|\n)epemu: B’s steady layer differs by \+[\d.]+ % of A’s [\d.]+ ms, which is more than --fail-above 1 allows\n$/,
    );
    const lines = stdout.split('\n');
    expect(lines[0]).to.equal(`A  train: 16 ranks, 4 layers on NVIDIA H800: ${plain}`);
    expect(lines[1]).to.equal(`B  train: 16 ranks, 4 layers on NVIDIA H800: ${slow}`);
    expect(lines.filter((line) => /^[AB] · train: layer 1 of rank 0/.test(line))).to.have.length(2);
    expect(lines.at(-2)).to.match(/^B’s steady layer is [\d.]+ m?µ?s \([\d.]+ %\) longer: /);
    expect((await runCli(['compare', plain, slow, '--fail-above', '1000'])).code).to.equal(0);
  });

  it('knows the GPU by the merged trace as by rank files', async () => {
    const { a, b } = await compared(join(plain, 'trace.json.gz'), join(plain, 'ranks'));
    expect([a.gpu, b.gpu]).to.deep.equal(['NVIDIA H800', 'NVIDIA H800']);
  });

  it('compares one rank of both where asked', async () => {
    const { a, b, notes } = await compared(plain, slow, '--rank', '3');
    expect([a.ranks, a.rank, b.rank, notes]).to.deep.equal([1, 3, 3, []]);
  });

  it('puts both on a page, whose timeline has the first ranks of each', async function () {
    this.timeout(60_000);
    expect((await runCli(['compare', plain, slow, '--html', html])).code).to.equal(0);
    const text = readFileSync(html, 'utf8');
    for (const expected of [
      'A · train: layer 1',
      'B · train: layer 1',
      'Phases, by what they changed',
      'class="number rises"',
    ]) {
      expect(text).to.include(expected);
    }
    if (CHROMIUM === undefined) this.skip();
    const browser: Browser = await launchBrowser(CHROMIUM);
    try {
      const { page, messages } = await openPage(browser, temporary.fresh(), text);
      expect(messages).to.deep.equal([]);
      await page.getByRole('button', { name: 'Next exposed' }).click();
      expect(await page.locator('#timeline-status').innerText()).to.match(/on [AB] rank \d+, stream 27/);
    } finally {
      await browser.close();
    }
  });

  /** A copy of the run whose report says that it failed. */
  function failedRun(): string {
    const folder = temporary.fresh();
    mkdirSync(folder);
    copyFileSync(join(plain, 'trace.json.gz'), join(folder, 'trace.json.gz'));
    const report = JSON.parse(readFileSync(join(plain, 'report.json'), 'utf8')) as Record<string, unknown>;
    writeFileSync(
      join(folder, 'report.json'),
      JSON.stringify({ ...report, status: 'failed', error: 'rank 3 was killed' }),
    );
    return folder;
  }

  it('says that a run failed, by its folder and by its report, and ends with 2', async () => {
    const folder = failedRun();
    for (const path of [folder, join(folder, 'report.json')]) {
      const { code, stdout, stderr } = await runCli(['compare', plain, path]);
      expect(code).to.equal(2);
      expect(stderr).to.include(`${path} is of a run that failed (rank 3 was killed); `);
      expect(stderr).to.include('this comparison is partial');
      expect(stdout).to.include('One steady layer');
    }
  });

  it('compares a damaged trace as far as it goes, and ends with 2', async () => {
    const cut = join(temporary.path, 'cut.json.gz');
    const whole = readFileSync(join(plain, 'trace.json.gz'));
    writeFileSync(cut, whole.subarray(0, whole.length * 0.7));
    const { code, stdout, stderr } = await runCli(['compare', plain, cut]);
    expect(code).to.equal(2);
    expect(stderr).to.include(cut).and.to.include('this comparison is partial');
    expect(stdout).to.include('Kernels by category');
  });

  const refused = (args: readonly string[]): Promise<CliEnd> => runCli(['compare', ...args]);

  it('refuses what it cannot compare in one sentence that names it', async () => {
    const other = join(temporary.path, 'other.json');
    writeFileSync(other, '{"answer":42}');
    const printed = join(temporary.path, 'printed.json');
    writeFileSync(printed, (await runCli(['compare', saved, saved, '--json'])).stdout);
    const table = join(temporary.path, 'table.csv');
    writeFileSync(table, 'ts,dur\n1,2\n');
    for (const [args, names] of [
      [
        [plain, other],
        [other, 'neither a trace nor a report nor a saved analysis'],
      ],
      [
        [printed, plain],
        [printed, 'has the schema epemu-comparison/1'],
      ],
      [
        [plain, table],
        [table, 'cannot be read as a trace', 'report.json'],
      ],
      [['./nowhere', plain], ['./nowhere does not exist']],
      [
        [plain, plain, '--rank', '99'],
        ['--rank is 99', 'has rank 0 to 15'],
      ],
      [[plain, plain, '--rank', 'last'], ['--rank is last']],
      [
        [plain, saved, '--rank', '0'],
        ['--rank is 0', saved, 'a saved analysis'],
      ],
      [[plain, plain, '--fail-above', '-1'], ['--fail-above is -1']],
      [[plain, plain, '--align', 'maybe'], ['--align is maybe']],
      [
        [plain, saved, '--html', saved],
        ['--html', saved, 'holds something that is no page'],
      ],
      [[plain, plain, '--html', './no/where.html'], ['--html ./no/where.html cannot be written']],
    ] as const) {
      const { code, stdout, stderr } = await refused(args);
      expect({ code, stdout }, stderr).to.deep.equal({ code: 2, stdout: '' });
      // Where the machine is busy, progress of reading comes before.
      expect(stderr).to.match(/^(?:reading [^\n]+\n)*epemu: [^\n]+\n$/);
      for (const name of names) expect(stderr).to.include(name);
    }
  });

  it('takes two inputs, no fewer', async () => {
    for (const args of [[], [plain]]) {
      const { code, stderr } = await refused(args);
      expect(code).to.equal(2);
      expect(stderr).to.match(/^error: [^\n]*argument/);
    }
  });

  it('says first what was configured differently, and tells better from worse by sign, colour and word', async () => {
    const { configuration, figures } = await compared(join(slow, 'report.json'), plain);
    expect(configuration).to.deep.equal([{ key: 'slowRanks', a: '[{"rank":3,"factor":1.5}]', b: '[]' }]);
    const row = (name: string): (typeof figures)[number] => figures.find((figure) => figure.name === name)!;
    expect(row('step')).to.include({ window: 'model', better: 'less' });
    expect(row('step').difference).to.be.below(0);
    expect(row('tokens/s a GPU')).to.include({ unit: 'tokens/s', better: 'more' });
    const { stdout } = await runCli(['compare', slow, plain]);
    expect(stdout)
      .to.match(/Configured differently\n\nkey +A +B/)
      .and.not.include('\u001b');
  });

  it('sets more than two side by side, the first the baseline', async () => {
    const { stdout, code } = await runCli(['compare', plain, join(slow, 'report.json'), decode]);
    expect(code).to.equal(0);
    expect(stdout).to.match(/^A {2}train.*\nB {2}train.*\nC {2}decode/);
    expect(stdout)
      .to.match(/^layer +steady layers .*worse\) /m)
      .and.match(/^slowRanks .* as A/m);
    const printed = JSON.parse((await runCli(['compare', plain, slow, decode, '--json'])).stdout) as {
      comparisons: Comparison[];
    };
    const [{ decomposition }] = printed.comparisons;
    expect(decomposition).to.deep.equal((await compared(plain, slow)).decomposition);
  });

  it('sets published figures beside a run’s own, and says in what conditions differ', async () => {
    const { stdout, code } = await runCli(['compare', 'published', 'train', plain]);
    expect(code).to.equal(0);
    expect(stdout)
      .to.match(/^ranks +64 +16 *$/m)
      .and.include('No published figure was taken under the conditions');
    const sixteen = join(temporary.path, 'sixteen');
    const small = ['--ranks', '16', '--fabric', 'memory', '--payload', 'none'];
    expect((await runCli(['run', 'decode', ...small, '--out', sixteen])).code).to.equal(0);
    const beside = (await runCli(['compare', 'published', 'decode', sixteen])).stdout;
    expect(beside)
      .to.match(/^ranks +128 +16 *$/m)
      .and.match(/^decode\.kernel\.\S+ .* fitted/m);
    const other = await refused(['published', 'nothing', plain]);
    expect(other.stderr).to.include('there are no published figures of nothing');
    expect((await refused(['published', 'train', plain, slow])).stderr).to.include('takes one run');
  });

  const there = existsSync(PUBLISHED);
  const claim = 'shows the published figures of the training trace beside emulated ones';
  (there ? it : it.skip)(there ? claim : `${claim} (skipped: ${BESIDE} is missing)`, async () => {
    const { a, figures, phases, kernels, notes } = await compared(PUBLISHED, plain);
    expect(a).to.include({ source: 'captured', ranks: 1, worldSize: 64, layers: 4, gpu: 'NVIDIA H800' });
    const whole = (name: string): number =>
      figures.find((figure) => figure.window === 'whole' && figure.name === name)!.a;
    expect(whole('span')).to.equal(129_012);
    expect(whole('computation')).to.equal(124_310);
    expect(whole('communication')).to.equal(113_440);
    expect(whole('exposed communication')).to.equal(4190);
    expect(whole('overlap')).to.be.closeTo(96.31, 0.005);
    expect(whole('idle')).to.be.closeTo(0.39, 0.005);
    expect(notes[0]).to.match(/^A is rank 0, B the mean over its 16 ranks/);
    for (const { phase, a: one, b: other } of phases)
      expect([one === null, other === null], phase).to.deep.equal([false, false]);
    // All that takes 1 % of a layer or more has the same name on both sides.
    for (const { name, aUs, bUs } of kernels) {
      if (Math.max(aUs ?? 0, bUs ?? 0) > 300) expect([aUs === null, bUs === null], name).to.deep.equal([false, false]);
    }
  });
});
