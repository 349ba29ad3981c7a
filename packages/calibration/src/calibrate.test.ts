import { execFileSync } from 'node:child_process';
import { readFile, readdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { BadInputError } from '@epemu/core';
import { loadHardware, loadModel } from '@epemu/presets';
import type { HardwarePreset, KernelRate } from '@epemu/presets';
import { expect } from 'chai';
import { calibrate, presetName } from './calibrate.js';
import type { Calibration } from './calibrate.js';
import { calibrationText } from './calibration-text.js';
import { checkOutFile } from './out-file.js';
import { checkExperts } from './ranks.js';
import { SyntheticTrace, withFile } from './synthetic-trace.test-helper.js';
import type { PhaseMarks } from './synthetic-trace.test-helper.js';

const H800 = loadHardware('h800');

/** The rate with all that it does per byte, per flop or per tile taking longer by a factor. */
function slower(rate: KernelRate, factor: number): KernelRate {
  if (rate.model === 'memory') return { ...rate, floorNs: rate.floorNs * factor, GBps: rate.GBps / factor };
  if (rate.model === 'flops') return { ...rate, tflopsPerSm: rate.tflopsPerSm / factor };
  return { ...rate, tileNs: rate.tileNs * factor, nsPerK: rate.nsPerK * factor };
}

const SLOWER: HardwarePreset = {
  ...H800,
  kernels: Object.fromEntries(Object.entries(H800.kernels).map(([kind, rate]) => [kind, slower(rate, 1.25)])),
};
const PHASES = ['combine(B)', 'attn(F)', 'mlp(B)', 'dispatch(F)', 'mlp(W)', 'mlp(F)', 'attn(B)', 'attn(W)'];

function training(hardware: HardwarePreset, marks: PhaseMarks = 'host'): SyntheticTrace {
  const trace = new SyntheticTrace(hardware);
  for (const phase of PHASES) trace.phase(phase, marks);
  return trace;
}

function ofJson(json: string, ...options: [Parameters<typeof calibrate>[1]?]): Promise<Calibration> {
  return withFile('mine.json', json, (path) => calibrate(path, ...options));
}

async function refusal(name: string, content: string | Buffer, options = {}): Promise<BadInputError> {
  try {
    await withFile(name, content, (path) => calibrate(path, options));
  } catch (error) {
    if (error instanceof BadInputError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('calibrate', () => {
  for (const marks of ['host', 'gpu', 'args'] as const) {
    it(`recovers the rates that a trace was made with, phases marked by ${marks}`, async () => {
      const { kinds, notPlaced, computeSms, communicationSms, tokens } = await ofJson(training(SLOWER, marks).json());
      expect({ computeSms, communicationSms, tokens, notPlaced }).to.deep.equal({
        computeSms: 112,
        communicationSms: 20,
        tokens: 4096,
        notPlaced: [],
      });
      expect(kinds).to.have.length.above(35);
      for (const { kind, fittedUs, totalUs, differencePct } of kinds) {
        expect(fittedUs / totalUs, kind).to.be.closeTo(1, 0.002);
        expect(differencePct, kind).to.be.within(14, 26);
      }
    });
  }

  it('gives the base back from a trace of the base, under the name of the file', async () => {
    const { preset, kinds } = await ofJson(training(H800).json());
    expect([preset.name, preset.memoryShare.at(-1)]).to.deep.equal(['mine', [112, 1]]);
    for (const { kind, differencePct } of kinds) expect(Math.abs(differencePct), kind).to.be.below(0.2);
    expect(preset.kernels['gemm-fp8']).to.include({ basis: 'measured', count: 16, source: 'mine.json: 16 kernels' });
    expect(preset.kernels['attention-decode']).to.deep.equal(H800.kernels['attention-decode']);
    expect(preset.transfers).to.deep.equal(H800.transfers);
  });

  it('lists what it could not place by name and time, with the reason', async () => {
    const trace = training(H800).kernel('void mine::fused_kernel<7>(int)', 40, { grid: [9, 1, 1] });
    trace.kernel('mine_too', 2).kernel('mine_too', 3).kernel('flash::FlashAttnBwd', 1);
    const calibration = await ofJson(trace.json());
    expect(
      calibration.notPlaced.map(({ name, reason, count, totalUs }) => [name, reason, count, totalUs]),
    ).to.deep.equal([
      ['void mine::fused_kernel<7>(int)', 'unknown name', 1, 40],
      ['mine_too', 'unknown name', 2, 5],
      ['flash::FlashAttnBwd', 'no shape', 1, 1],
    ]);
    expect(calibrationText(calibration)).to.match(/void mine::fused_kernel<7>\(int\) +unknown name +1 +0\.040/);
  });

  it('takes no GPU that has no name for the one of the base preset, where it has other SMs', async () => {
    const trace = JSON.parse(training(H800).json()) as Record<string, unknown>;
    trace.deviceProperties = [{ name: '', numSms: 304 }];
    const calibration = await ofJson(JSON.stringify(trace));
    expect(calibration.preset.gpu).to.deep.include({ name: 'unknown GPU of 304 SMs', sms: 304 });
    expect(calibrationText(calibration)).to.include('SMs of unknown GPU of 304 SMs');
  });

  it('lists kernels without usable times by name, with a time of 0', async () => {
    const trace = training(H800);
    const kernel = { ph: 'X', cat: 'kernel', name: 'untimed', pid: 0, tid: 7, ts: 1, dur: 1 };
    const reversed = { 'start ns': 2, 'end ns': 1 };
    trace.events.push({ ...kernel, dur: undefined }, { ...kernel, dur: -1 }, { ...kernel, dur: 'N/A' });
    trace.events.push({ ...kernel, ts: '' }, { ...kernel, args: reversed }, { ...kernel, dur: 1e300 });
    trace.events.push({ ...kernel, ph: 'B', name: 'begun' }, { ...kernel, ph: 'E', name: 'begun' });
    const { notPlaced } = await ofJson(trace.json());
    expect(notPlaced).to.deep.equal([
      { name: 'begun', reason: 'no usable times', count: 1, totalUs: 0, sharePct: 0 },
      { name: 'untimed', reason: 'no usable times', count: 6, totalUs: 0, sharePct: 0 },
    ]);
    const none = await refusal('a.json', JSON.stringify([{ ...kernel, dur: -1 }]));
    expect(none.message).to.include('a.json has no kernels with usable times: each needs "ph": "X"');
  });

  it("counts a duration of 0 of a collective's kernel as half a microsecond", async () => {
    const trace = training(H800);
    const isLayout = ({ name }: Readonly<Record<string, unknown>>): boolean => String(name).includes('dispatch_layout');
    const events = trace.events.map((event) => (isLayout(event) ? { ...event, dur: 0 } : event));
    trace.events.splice(0, Infinity, ...events);
    const { kinds, notPlaced } = await ofJson(trace.json());
    const layout = kinds.find(({ kind }) => kind === 'dispatch-layout');
    expect([layout?.totalUs, layout?.count, notPlaced]).to.deep.equal([0.5, 1, []]);
  });

  it('lists kernels without work and those that no rate fits, and keeps the rate of the base', async () => {
    const trace = new SyntheticTrace(H800);
    const bf16 = ['c10::BFloat16', 'c10::BFloat16'];
    const empty = [
      [0, 7168],
      [7168, 256],
    ];
    trace.operator(1, 'aten::mm', empty, bf16).kernel('nvjet_hsh_128x256', 60, { 'External id': 1 });
    trace.kernel('Memset (Device)', 5, { bytes: 1e-300 });
    const { kinds, notPlaced, preset } = await ofJson(trace.json());
    expect(kinds).to.deep.equal([]);
    expect(notPlaced.map(({ name, reason, totalUs }) => [name, reason, totalUs])).to.deep.equal([
      ['nvjet_hsh_128x256', 'no shape', 60],
      ['Memset (Device)', 'no rate fits', 5],
    ]);
    expect(preset.kernels).to.deep.equal(H800.kernels);
  });

  it('places kernels outside phases by name and the shapes of their operators', async () => {
    const trace = new SyntheticTrace(H800);
    const bf16 = ['c10::BFloat16', 'c10::BFloat16'];
    trace.operator(
      1,
      'aten::mm',
      [
        [4096, 7168],
        [7168, 256],
      ],
      bf16,
    );
    trace.kernel('nvjet_hsh_128x256_64x4_1x2_h_bz_coopA_TNT', 60, { 'External id': 1 });
    trace.operator(2, 'aten::_scaled_mm', [[4096, 7168], [7168, 4096], [], []], Array(4).fill('c10::Float8_e4m3fn'));
    trace.kernel('void cutlass::device_kernel<cutlass::gemm::kernel::GemmUniversal<int>>(int)', 260, {
      'External id': 2,
    });
    trace.operator(3, 'aten::mul', [[4096, 7168], []], ['c10::BFloat16', 'Scalar']);
    trace.kernel('void at::native::vectorized_elementwise_kernel<4, at::native::GeluFunctor<float>>(int)', 41, {
      'External id': 3,
    });
    trace.kernel('void at::native::vectorized_elementwise_kernel<4, at::native::FillFunctor<float>>(int)', 5);
    const { kinds, notPlaced, ranks } = await ofJson(trace.json({}));
    expect(ranks).to.equal(1);
    expect(kinds.map(({ kind, count, totalUs }) => [kind, count, totalUs])).to.deep.equal([
      ['gemm-fp8', 1, 260],
      ['gemm-bf16', 1, 60],
      ['elementwise', 1, 41],
    ]);
    // 2 bytes in and 2 out of each of 29.4 million values, over what the floor leaves of 41 µs.
    const { rate } = kinds[2];
    expect(rate.model === 'memory' && rate.GBps).to.be.closeTo((4096 * 7168 * 4) / (41_000 - rate.floorNs), 2);
    expect(notPlaced.map(({ reason, count }) => [reason, count])).to.deep.equal([['no shape', 1]]);
  });

  it('measures what a cast on the communication stream keeps of its rate beside compute', async () => {
    const trace = training(H800);
    const alone = await ofJson(trace.json());
    expect(alone.preset.memoryShare).to.deep.equal(H800.memoryShare);
    // The cast takes five times as long while a persistent kernel holds 112 of the 132 SMs.
    const index = trace.events.findIndex(({ name, tid }) => String(name).includes('per_token_cast') && tid === 27);
    const cast = trace.events[index] as { ts: number; dur: number };
    const slow = { ...cast, dur: cast.dur * 5 };
    const args = { grid: [112, 1, 1], stream: 7 };
    trace.events[index] = slow;
    trace.events.push({ ...slow, name: 'void mine::GemmKernel<1>(int)', tid: 7, args });
    const { preset, kinds } = await ofJson(trace.json());
    const [[sms, share], full] = preset.memoryShare;
    expect([sms, full]).to.deep.equal([20, [112, 1]]);
    expect(share).to.be.closeTo(0.2, 0.02);
    expect(kinds.find(({ kind }) => kind === 'fp8-cast')?.count).to.equal(18);
  });

  it('asks for the KV length that decode attention depends on', async () => {
    const trace = new SyntheticTrace(H800).phase('ATTN-0').phase('ATTN-1', 'host', 'ATTN-1(0)');
    const { notPlaced } = await ofJson(trace.json());
    expect(notPlaced.map(({ name, reason }) => [name, reason])).to.deep.equal([
      ['flash_fwd_splitkv_mla_kernel', 'KV length unknown'],
    ]);
    const given = await ofJson(trace.json(), { kvLength: 4096 });
    expect(given.notPlaced).to.deep.equal([]);
    expect(given.kinds.map(({ kind }) => kind)).to.include('attention-decode');
  });

  it('refuses a trace without kernels, naming file and key', async () => {
    const { message, exitCode } = await refusal('cpu.json', '{"traceEvents":[{"ph":"X","cat":"cpu_op","name":"a"}]}');
    expect(message).to.match(/cpu\.json has no kernels: none of its "traceEvents" has "cat": "kernel"; record it/);
    expect(exitCode).to.equal(2);
  });

  it("refuses what the reader cannot read, in the reader's words", async () => {
    const json = training(H800).json();
    const cut = await refusal('cut.json', json.slice(0, json.length / 2));
    expect(cut.message).to.match(/cut\.json cannot be read as a trace: it ends in the middle/);
    const packed = gzipSync(json);
    const broken = await refusal('cut.json.gz', packed.subarray(0, packed.length / 2));
    expect(broken.message).to.match(/cut\.json\.gz cannot be read as a trace: unexpected end of file/);
    expect((await refusal('text.json', 'no trace')).message).to.include('has no "traceEvents" array');
  });

  it('refuses ranks that the model or the kernels contradict', async () => {
    const json = training(H800).json();
    expect((await refusal('a.json', json, { ranks: 48 })).message).to.include('ranks is 48; give --ranks, a divisor');
    const { message } = await refusal('a.json', json, { ranks: 128 });
    expect(message).to.include('kernels count 4; give --ranks 64, or the --model of the run');
    const world = await refusal('a.json', training(H800).json({ distributedInfo: { world_size: 48 } }));
    expect(world.message).to.match(/distributedInfo\.world_size of .*a\.json is 48; give --ranks/);
  });

  it('offers only ranks that divide the experts', () => {
    const model = loadModel('deepseek-v3');
    const check = (counted: number, ranks: number) => (): void => {
      checkExperts(counted, ranks, model);
    };
    const remedy = 'give the --model of the run';
    expect(check(48, 64)).to.throw(BadInputError, '64 ranks have 4 of the 256 experts of deepseek-v3 each');
    for (const counted of [48, 0.5, 1e300]) {
      expect(check(counted, 1)).to.throw(BadInputError, `kernels count ${counted}; ${remedy}`);
    }
    expect(check(32, 1)).to.throw('1 rank has all 256 experts of deepseek-v3, but');
    expect(check(32, 1)).to.throw('give --ranks 8, or the --model of the run');
  });

  it('refuses to write the preset over the trace, whatever the path', () =>
    withFile('mine.json', '{}', async (path) => {
      const link = `${path}.link`;
      await symlink(path, link);
      for (const out of [path, `${dirname(path)}/./mine.json`, link]) {
        const failure: unknown = await checkOutFile(path, out).catch((error: unknown) => error);
        expect(failure).to.be.instanceOf(BadInputError).with.property('message').that.includes(`${out} is the trace`);
      }
      await checkOutFile(path, `${path}.other`);
    }));

  it('refuses what cannot be written before the work, and leaves there what is there', () =>
    withFile('mine.json', '{}', async (path) => {
      const [pipe, fresh, kept] = ['pipe', 'fresh.json', 'kept.json'].map((name) => join(dirname(path), name));
      execFileSync('mkfifo', [pipe]);
      await writeFile(kept, 'kept');
      for (const out of [pipe, dirname(path), join(path, 'inside'), join(dirname(path), 'nowhere', 'a.json'), '']) {
        const failure: unknown = await checkOutFile(path, out).catch((error: unknown) => error);
        expect(failure, out)
          .to.be.instanceOf(BadInputError)
          .with.property('message')
          .that.includes('cannot be written');
      }
      await checkOutFile(path, fresh);
      await checkOutFile(path, kept);
      expect(await readFile(kept, 'utf8')).to.equal('kept');
      expect((await readdir(dirname(path))).sort()).to.deep.equal(['kept.json', 'mine.json', 'pipe']);
    }));

  it('names a preset after its trace', () => {
    const names = ['runs/x/rank-00000.json.gz', 'a.b.pt.trace.json', 'mine.json', 'other'].map(presetName);
    expect(names).to.deep.equal(['rank-00000', 'a.b', 'mine', 'other']);
  });
});
