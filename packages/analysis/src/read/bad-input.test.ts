import { gzipSync } from 'node:zlib';
import { BadInputError } from '@epemu/core';
import { expect } from 'chai';
import { analyze } from '../analyze.js';
import type { AnalysedSet, Analysis } from '../analysis.js';
import { DISPATCH, GEMM, analysed, analysedRanks, kernel, traceText, withFiles } from '../trace.test-helper.js';
import type { Files, Item } from '../trace.test-helper.js';

const GOOD: readonly Item[] = [kernel(GEMM, 7, 0, 10), kernel(DISPATCH, 27, 5, 10), kernel(GEMM, 7, 20, 10)];
const LONG = traceText(
  0,
  Array.from({ length: 5000 }, (_, index) => kernel(GEMM, 7, index * 10, 9)),
);

/** @returns the sentence that a folder of files is refused with. */
async function refusal(files: Files): Promise<string> {
  try {
    await analysed(files);
  } catch (error) {
    expect(error).to.be.instanceOf(BadInputError);
    return (error as Error).message;
  }
  return expect.fail('it was analysed');
}

const messages = ({ problems }: Analysis): string => problems.map(({ message }) => message).join('\n');

describe('traces with something wrong', () => {
  for (const [what, files] of [
    ['a packed trace that was cut short', { 'cut.json.gz': gzipSync(LONG).subarray(0, 2500) }],
    ['a trace that was cut short', { 'cut.json': LONG.slice(0, 200_000) }],
  ] as const) {
    it(`are analysed up to where ${what} ends, and called partial`, async () => {
      const { analysis } = await analysed(files);
      expect(analysis.partial).to.equal(true);
      expect(analysis.kernels).to.be.within(100, 4999);
      expect(analysis.timeline.spanUs).to.equal(analysis.kernels * 10 - 1);
      expect(messages(analysis)).to.match(/cut\.json/);
    });
  }

  it('are left out beside good ones, and said so', async () => {
    const { analysis } = await analysed({ 'a.json': traceText(0, GOOD), 'b.json': '{"hello":1}' });
    expect(analysis).to.include({ partial: true, kernels: 3, ranks: 1 });
    expect(messages(analysis)).to.match(/b\.json.*traceEvents/);
  });

  for (const [what, item] of [
    ['no duration', kernel('lost', 7, 50, 5, { dur: undefined })],
    ['a negative duration', kernel('lost', 7, 50, -5)],
    ['a start that is text', kernel('lost', 7, 50, 5, { ts: '50' })],
    ['a start that no clock has', kernel('lost', 7, 1e300, 5)],
    ['an end that no clock has', kernel('lost', 7, 50, 1e300)],
    ['only a begin', kernel('lost', 7, 50, 5, { ph: 'B' })],
  ] as const) {
    it(`are analysed without a kernel that has ${what}, which is named`, async () => {
      for (const [place, events] of [
        [3, [...GOOD, item]],
        [0, [item, ...GOOD]],
      ] as const) {
        const { analysis } = await analysed({ 'a.json': traceText(0, events) });
        expect(analysis).to.deep.include({ partial: true, kernels: 3 });
        expect(analysis.timeline.spanUs).to.equal(30);
        expect(messages(analysis)).to.match(new RegExp(`a\\.json.*event ${place}, lost`));
      }
      expect(await refusal({ 'a.json': traceText(0, [item]) })).to.match(/a\.json.*usable times.*event 0, lost/);
    });
  }

  it('are refused where nothing can be read of any, with the file and the remedy', async () => {
    const host = { ph: 'X', cat: 'cpu_op', name: 'aten::mm', pid: 1, tid: 1, ts: 1, dur: 1 };
    expect(await refusal({ 'a.json': traceText(0, [host]) })).to.match(/a\.json has no kernels.*ProfilerActivity/);
    expect(await refusal({ 'a.json': '' })).to.match(/a\.json/);
    expect(await refusal({ 'a.json': 'hello' })).to.match(/a\.json/);
    expect(await refusal({ 'a.json': '{"traceEvents":[1]}' })).to.match(/a\.json/);
    expect(await refusal({ 'a.txt': 'no trace' })).to.match(/holds no trace/);
    const missing = await analyze(['/nowhere/a.json']).catch((error: unknown) => error);
    expect(missing)
      .to.be.instanceOf(BadInputError)
      .with.property('message', "/nowhere/a.json does not exist; name a trace, a run's folder or a folder of traces");
  });

  it('have kernels that overlap on a stream merged, and the first of them named', async () => {
    const { analysis } = await analysedRanks([[...GOOD, kernel('late', 7, 5, 20)]]);
    expect(analysis.timeline).to.include({ spanUs: 30, computeUs: 30 });
    expect(messages(analysis)).to.match(/rank-0\.json.*late at 5 µs on stream 7/);
  });

  it('keep the first of two files that claim one rank', async () => {
    const { analysis } = await analysed({
      'a.json': traceText(1, GOOD),
      'b.json': traceText(1, [kernel(GEMM, 7, 0, 99)]),
    });
    expect(analysis).to.deep.include({ partial: true, ranks: 1, kernels: 3 });
    expect(messages(analysis)).to.match(/b\.json claims rank 1, which .*a\.json has/);
  });

  it('count files that name no rank from the first free one', async () => {
    const { analysis } = await analysed({
      'a.json': traceText(undefined, GOOD),
      'b.json': traceText(0, GOOD),
      'c.json': traceText(undefined, GOOD),
    });
    expect(analysis.ranksSummary.map(({ rank }) => rank)).to.deep.equal([0, 1, 2]);
    expect(messages(analysis)).to.match(/a\.json .*counts as rank 1\n.*c\.json .*counts as rank 2/);
  });
});

describe('what a path leads to', () => {
  const ranks = ({ analysis }: AnalysedSet): number[] => analysis.ranksSummary.map(({ rank }) => rank);

  it('is a run’s rank files, not its merged trace nor its host’s', async () => {
    const files = {
      'ranks/a.json': traceText(3, GOOD),
      'trace.json.gz': traceText(5, GOOD),
      'host-trace.json.gz': traceText(9, GOOD),
      'config.json': '{}',
    };
    expect(ranks(await analysed(files))).to.deep.equal([3]);
  });

  it('is what lies in a folder where its ranks are empty', async () => {
    expect(ranks(await analysed({ 'ranks/notes.txt': '', 't.json': traceText(2, GOOD) }))).to.deep.equal([2]);
  });

  it('is one file, however often and by whatever path it is named', async () => {
    await withFiles({ 'a.json': traceText(1, GOOD) }, async (folder) => {
      const found = await analyze([`${folder}/a.json`, folder, `${folder}/./a.json`]);
      expect(ranks(found)).to.deep.equal([1]);
      expect(found.analysis.problems).to.deep.equal([]);
    });
  });

  it('may be one file with several GPUs, each a rank', async () => {
    const second = GOOD.map((item) => ({ ...item, pid: 1 }));
    const name = { ph: 'M', name: 'process_name', pid: 1, args: { name: 'rank 4' } };
    expect(ranks(await analysed({ 'a.json': traceText(undefined, [...GOOD, ...second, name]) }))).to.deep.equal([0, 4]);
  });
});

describe('traces of very many kernels', () => {
  it('are read up to as many kernels as are kept, and called partial', async () => {
    const { analysis } = await analysed({ 'long.json': LONG }, { mostKernels: 1000 });
    expect(analysis.partial).to.equal(true);
    expect(analysis.kernels).to.be.within(1000, 4999);
    expect(messages(analysis)).to.match(/long\.json: more than 1000 kernels are not kept; what comes after event \d+/);
    const whole = await analysed({ 'long.json': LONG }, { mostKernels: 5000 });
    expect([whole.analysis.partial, whole.analysis.kernels]).to.deep.equal([false, 5000]);
  });

  it('have no critical path where their kernels are too many for one, and say so', async () => {
    const { analysis } = await analysed({ 'long.json': LONG }, { mostPathKernels: 4999 });
    expect(analysis.criticalPath).to.equal(null);
    expect(messages(analysis)).to.include(
      'the traces have 5000 kernels, and a critical path is sought of at most 4999',
    );
    expect(analysis.timeline.spanUs).to.equal(5000 * 10 - 1);
  });
});
