import { join } from 'node:path';
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
    const { analysis } = await analysed({ 'a.json': traceText(0, GOOD), 'b.json': '{"traceEv' });
    expect(analysis).to.include({ partial: true, kernels: 3, ranks: 1 });
    expect(messages(analysis)).to.match(/b\.json.*traceEvents/);
  });

  for (const [what, item] of [
    ['no duration', kernel('lost', 7, 50, 5, { dur: undefined })],
    ['a negative duration', kernel('lost', 7, 50, -5)],
    ['a start that is no number', kernel('lost', 7, 50, 5, { ts: 'N/A' })],
    ['no start', kernel('lost', 7, 50, 5, { ts: null })],
    ['an empty duration', kernel('lost', 7, 50, 5, { dur: '' })],
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

  it('have a kernel that runs over those behind it named, with by how much', async () => {
    const behind = Array.from({ length: 5 }, (_, i) => kernel(GEMM, 7, 300 + i * 100, 90));
    const { analysis } = await analysedRanks([[...GOOD, kernel('late', 7, 200, 5000), ...behind]]);
    expect(analysis.timeline).to.include({ spanUs: 5200 });
    expect(messages(analysis)).to.match(
      /rank-0\.json.*late at 200 µs on stream 7 lasts 5000 µs, 4900 µs beyond the start of the next 5 kernels/,
    );
    expect(analysis.partial).to.equal(false);
  });

  it('have a kernel that outlives all else named, where it only computes', async () => {
    const short = Array.from({ length: 8 }, (_, i) => kernel(GEMM, 7, i * 100, 90));
    const { analysis } = await analysedRanks([[...short, kernel('late', 7, 800, 90_000)]]);
    expect(messages(analysis)).to.match(/late at 800 µs lasts 90000 µs, more than 10 times as long/);
    const { analysis: waiting } = await analysedRanks([[...short, kernel(DISPATCH, 27, 800, 90_000)]]);
    expect(waiting.problems).to.deep.equal([]);
  });

  it('may have kernels that begin while the one before ends, as dependent launch makes them', async () => {
    const events = Array.from({ length: 9 }, (_, i) => kernel(GEMM, 7, i * 100, 103));
    const { analysis } = await analysedRanks([events]);
    expect(analysis.problems).to.deep.equal([]);
    expect(analysis.timeline).to.include({ spanUs: 903, computeUs: 903 });
  });

  it('may have times that are text', async () => {
    const text = GOOD.map((item) => ({
      ...item,
      ts: `17000000000${String(item.ts).padStart(2, '0')}`,
      dur: String(item.dur),
    }));
    const { analysis } = await analysed({ 'a.json': traceText(0, text) });
    expect(analysis).to.deep.include({ partial: false, problems: [], kernels: 3 });
    expect(analysis.timeline.spanUs).to.equal(30);
  });

  it('may have the categories of PyTorch before 1.12', async () => {
    const old = GOOD.map((item) => ({ ...item, cat: 'Kernel', tid: `stream ${String(item.tid)}` }));
    const { analysis } = await analysed({ 'a.json': traceText(0, old) });
    expect(analysis).to.deep.include({ partial: false, problems: [], kernels: 3 });
  });

  it('lose of an event what is wrong in it, and no other', async () => {
    const bad = '{"ph":"X","cat":"cpu_op","name":"a\u0001b","ts":1,"dur":N/A}';
    const texts = [...GOOD, ...GOOD.map((item) => ({ ...item, ts: Number(item.ts) + 100 }))].map((item) =>
      JSON.stringify(item),
    );
    texts.splice(3, 0, bad);
    const { analysis } = await analysed({ 'a.json': `[${texts.join(',\n')}]` });
    expect(analysis).to.deep.include({ partial: true, kernels: 6 });
    expect(analysis.timeline.spanUs).to.equal(130);
    expect(messages(analysis)).to.match(/a\.json: .*one is no strict JSON.*near event 3/);
  });

  for (const [what, text, message] of [
    [
      'Ascend NPUs',
      [
        { ph: 'M', name: 'process_name', pid: 3, args: { name: 'Ascend Hardware' } },
        { ph: 'X', name: 'MatMulV2', ts: '1.5', dur: 2 },
      ],
      /Ascend NPUs.*not read/,
    ],
    [
      'XLA',
      [
        {},
        { ph: 'M', name: 'process_name', pid: 3, args: { name: '/device:GPU:0' } },
        { ph: 'X', name: 'fusion', ts: 1, dur: 2 },
      ],
      /trace of XLA .*not read/,
    ],
    [
      'events without "ph"',
      [
        { cat: 'kernel', name: GEMM, ts: 1, dur: 1 },
        { cat: 'kernel', name: GEMM, ts: 2, dur: 1 },
      ],
      /none of its 2 events can be read, for event 0 has no "ph"/,
    ],
    [
      'kernels as pairs',
      [
        { ph: 'B', cat: 'kernel', name: GEMM, ts: 1 },
        { ph: 'E', ts: 2 },
      ],
      /begun by "ph": "B", which is not read/,
    ],
    [
      'the host alone',
      [{ ph: 'X', cat: 'cpu_op', name: 'aten::mm', ts: 1, dur: 1 }],
      /recorded of the host alone.*ProfilerActivity/,
    ],
    ['nothing', [], /no events/],
  ] as const) {
    it(`are refused with what they are where they are of ${what}`, async () => {
      expect(await refusal({ 'a.json': JSON.stringify({ traceEvents: text }) })).to.match(message);
    });
  }

  for (const [what, content, message] of [
    ['a zip archive', Buffer.from('PK\u0003\u0004rest'), /zip archive; unpack it/],
    [
      'a tar archive that is packed',
      gzipSync(Buffer.concat([Buffer.alloc(257, 97), Buffer.from('ustar\u000000'), Buffer.alloc(300)])),
      /tar archive; unpack it/,
    ],
    ['a database', Buffer.from('SQLite format 3\0'), /SQLite.*Nsight Systems/],
    ['a snapshot of memory', '{"segments":[],"device_traces":[]}', /snapshot of memory/],
    [
      'a table of Ascend',
      'Step Id,Device_id,Task ID,Stream ID,Name,Accelerator Core,Start Time(us)\n1,0,12,2,MatMul,AI_CORE,"17\t"\n',
      /table of kernels of Ascend NPUs/,
    ],
    ['a table of nsys', 'Start (ns),Duration (ns),CorrId,Strm,Name\n1,2,3,7,gemm\n', /table of nsys stats/],
    ['a table of rocprof', '"Kind","Kernel_Name","Start_Timestamp","End_Timestamp"\n', /table of rocprof/],
    ['a table', 'a,b,c\n1,2,3\n', /a table \(CSV\), not a trace/],
    ['JSON lines', '{"a":1}\n{"b":2}\n', /list of JSON texts/],
  ] as const) {
    it(`are refused with what they are where they are ${what}`, async () => {
      expect(await refusal({ 'a.json': content })).to.match(message);
    });
  }

  for (const [name, message] of [
    ['a.nsys-rep', /report of Nsight Systems/],
    ['b.ncu-rep', /report of Nsight Compute/],
    ['host.xplane.pb', /profile of XLA \(JAX or TensorFlow\)/],
    ['c.perfetto-trace', /binary form of Perfetto/],
  ] as const) {
    it(`are refused with what they are where they are called ${name} and hold no text`, async () => {
      const bytes = Buffer.from([10, 8, 47, 100, 0, 200]);
      const failure = await withFiles({ [name]: bytes }, (folder) =>
        analyze([join(folder, name)]).catch((error: unknown) => error),
      );
      expect(failure).to.be.instanceOf(BadInputError);
      expect((failure as Error).message).to.match(message);
    });
  }

  it('are not the JSON that lies beside them, nor a copy of one: both are said, and nothing is missing', async () => {
    const text = traceText(0, GOOD);
    const { analysis } = await analysed({
      'a.json': text,
      'a.json.gz': text,
      'm.json': '{"segments":[],"device_traces":[]}',
    });
    expect(analysis).to.deep.include({ partial: false, kernels: 3, ranks: 1 });
    expect(messages(analysis)).to.match(
      /m\.json.*snapshot of memory[^]*a\.json\.gz has the same kernels as .*a\.json, and/,
    );
  });

  it('say of a GPU without a name that it has none', async () => {
    const { analysis } = await analysed({
      'a.json': traceText(0, GOOD, { deviceProperties: [{ name: '', numSms: 304 }] }),
    });
    expect(analysis.gpu).to.equal(null);
  });

  it('keep the first of two files that claim one rank', async () => {
    const { analysis } = await analysed({
      'a.json': traceText(1, GOOD),
      'b.json': traceText(1, [kernel(GEMM, 7, 0, 99)]),
    });
    expect(analysis).to.deep.include({ partial: true, ranks: 1, kernels: 3 });
    expect(messages(analysis)).to.match(/b\.json says rank 1 as .*a\.json does/);
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

  it('is what lies in the folders of a folder that holds none itself', async () => {
    const files = { 'node0/r3/a.json': traceText(3, GOOD), 'node1/r5/a.json.gz': traceText(5, GOOD), 'readme.txt': '' };
    expect(ranks(await analysed(files))).to.deep.equal([3, 5]);
  });

  it('is told to hold archives, which are not read', async () => {
    const { analysis } = await analysed({ 'a.json': traceText(0, GOOD), 'b.tar.gz': 'x' });
    expect(messages(analysis)).to.match(/b\.tar\.gz may hold traces.*unpack it/);
    expect(await refusal({ 'b.zip': 'x' })).to.match(/holds no trace.*archive.*b\.zip/);
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

describe('ranks of files that do not say theirs', () => {
  const text = traceText(undefined, GOOD);
  for (const [what, names, expected] of [
    ['by all that is parallel', ['1-TP-10-DP-0-PP-0-EP-10.trace.json', '1-TP-2-DP-0-PP-0-EP-2.trace.json.gz'], [10, 2]],
    ['by rank', ['dp0_pp0_tp0_dcp0_ep0_rank11.json', 'dp0_pp0_tp1_dcp0_ep1_rank3.json'], [11, 3]],
    ['by worker', ['worker10.pt.trace.json', 'worker9.pt.trace.json'], [10, 9]],
    ['by their places', ['dp0_pp0_tp0.json', 'dp0_pp0_tp1.json', 'dp0_pp1_tp0.json', 'dp1_pp1_tp1.json'], [0, 1, 2, 7]],
    ['by their folders', ['rank_10/trace.json', 'rank_9/trace.json'], [10, 9]],
    ['in the order of numbers', ['trace_10.json', 'trace_9.json'], [1, 0]],
  ] as const) {
    it(`are taken from names ${what}`, async () => {
      const { set, analysis } = await analysed(
        Object.fromEntries(
          names.map((name, i) => [name, traceText(undefined, [...GOOD, kernel(GEMM, 7, 40, 10 + i)])]),
        ),
      );
      const byName = set.ranks.map(({ rank, content: { file } }) => [names.find((name) => file.endsWith(name)), rank]);
      expect(Object.fromEntries(byName)).to.deep.equal(Object.fromEntries(names.map((name, i) => [name, expected[i]])));
      expect(messages(analysis)).to.match(/ranks are those of their names|counts as rank/);
    });
  }

  it('are not those of names that two files share', async () => {
    const { analysis } = await analysed({
      'a/rank0.json': text,
      'b/rank0.json': traceText(undefined, [...GOOD, ...GOOD]),
    });
    expect(analysis.ranks).to.equal(2);
  });
});

describe('files of several jobs', () => {
  const file = (rank: number, worldSize: number, name: string, year: number): string =>
    traceText(rank, GOOD, {
      distributedInfo: { rank, world_size: worldSize },
      deviceProperties: [{ name, numSms: 132 }],
      baseTimeNanoseconds: Date.UTC(year, 1) * 1e6,
    });

  for (const [what, other] of [
    ['world size', file(1, 2, 'H800', 2024)],
    ['GPU', file(1, 8, 'V100', 2024)],
    ['date', file(1, 8, 'H800', 2021)],
  ] as const) {
    it(`are refused together where they differ by ${what}, unless that is asked for`, async () => {
      const files = { 'a.json': file(0, 8, 'H800', 2024), 'b.json': other };
      expect(await refusal(files)).to.match(
        /a\.json \(8 ranks, H800, 2024-02-01\) and .*b\.json .*different jobs.*--any-job/,
      );
      expect((await analysed(files, { anyJob: true })).analysis.ranks).to.equal(2);
    });
  }

  it('are said to lack ranks where several are given, not where one is', async () => {
    const files = { 'a.json': file(0, 4, 'H800', 2024), 'b.json': file(2, 4, 'H800', 2024) };
    expect(messages((await analysed(files)).analysis)).to.match(/of the 4 ranks of the job 1, 3 have no trace here/);
    await withFiles(files, async (folder) => {
      expect((await analyze([`${folder}/a.json`])).analysis.problems).to.deep.equal([]);
    });
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
