import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { loadHardware, parseHardware, transferOf } from './index.js';
import type { DataSheet, HardwarePreset } from './index.js';
import { refusalOf, withFiles } from './refusal.test-helper.js';

const H800 = loadHardware('h800');
const SHEET: DataSheet = H800.dataSheet!;

/** The H800 on another GPU. */
function onGpu(sms: number, sheet: Partial<DataSheet>, more: object = {}): HardwarePreset {
  const gpu = { name: 'NVIDIA X', sms };
  return parseHardware({ name: 'x', base: 'h800', gpu, dataSheet: { ...SHEET, name: 'X', ...sheet }, ...more }, 'x');
}

describe('a preset scaled by data sheets', () => {
  const positive = fc.double({ min: 0.01, max: 100, noNaN: true });
  const sms = fc.integer({ min: 1, max: 1000 });

  it('has tiles that follow the SM’s operations in their precision and its part of memory bandwidth, exactly', () => {
    fc.assert(
      fc.property(sms, positive, positive, positive, (count, fp8, bf16, memory) => {
        const sheet = {
          fp8Tflops: SHEET.fp8Tflops * fp8,
          bf16Tflops: SHEET.bf16Tflops * bf16,
          memoryGBps: SHEET.memoryGBps * memory,
        };
        const { kernels } = onGpu(count, sheet);
        const ofSm = (key: keyof typeof sheet): number => sheet[key] / count / (SHEET[key] / H800.gpu.sms);
        for (const [kind, key] of [
          ['gemm-fp8', 'fp8Tflops'],
          ['wgrad-gemm-bf16', 'bf16Tflops'],
        ] as const) {
          const [before, after] = [H800.kernels[kind], kernels[kind]];
          if (before.model !== 'tile' || after.model !== 'tile') throw new Error(`${kind} has no tiles`);
          expect(after.nsPerK).to.equal(before.nsPerK / ofSm(key));
          expect(after.tileNs).to.equal(before.tileNs / ofSm('memoryGBps'));
          expect(after.memoryGBps).to.equal(before.memoryGBps * (sheet.memoryGBps / SHEET.memoryGBps));
          expect([after.floorNs, after.tileRows]).to.deep.equal([before.floorNs, before.tileRows]);
        }
      }),
    );
  });

  it('has attention by BF16 operations and all other kernels by memory bandwidth, without the base’s spread', () => {
    const { kernels } = onGpu(132, { bf16Tflops: 3 * SHEET.bf16Tflops, memoryGBps: 2 * SHEET.memoryGBps });
    const [attention, before] = [kernels['attention-decode'], H800.kernels['attention-decode']];
    if (attention.model !== 'flops' || before.model !== 'flops') throw new Error('attention has no operations');
    expect(attention.tflopsPerSm / before.tflopsPerSm).to.be.closeTo(3, 1e-12);
    for (const kind of ['attention-decode', 'gemm-fp8', 'swiglu']) {
      expect(kernels[kind], kind).to.not.have.any.keys('count', 'spread');
    }
    const [swiglu, original] = [kernels['swiglu'], H800.kernels['swiglu']];
    if (swiglu.model !== 'memory' || original.model !== 'memory') throw new Error('swiglu is not bound by memory');
    expect(swiglu.GBps).to.equal(2 * original.GBps);
    expect(swiglu.floorNs).to.equal(original.floorNs);
  });

  it('leaves alone what latency binds: no more memory bandwidth makes it faster', () => {
    const { kernels } = onGpu(132, { memoryGBps: 2 * SHEET.memoryGBps });
    for (const kind of ['gather-topk', 'expert-mapping']) {
      const { GBps } = kernels[kind] as { GBps: number };
      expect(GBps, kind).to.equal((H800.kernels[kind] as { GBps: number }).GBps);
    }
  });

  it('has links, ports and memory shares by their own ratios, and latencies as the base', () => {
    const { ports, memoryShare, transfers } = onGpu(264, { nvlinkGBps: 2 * SHEET.nvlinkGBps, rdmaGBps: 100 });
    expect(ports.nvlink).to.deep.equal({ ...H800.ports.nvlink, bandwidthGBps: 2 * H800.ports.nvlink.bandwidthGBps });
    expect(ports.rdma).to.deep.equal({ ...H800.ports.rdma, bandwidthGBps: 100 });
    expect(memoryShare).to.deep.equal(H800.memoryShare.map(([count, share]) => [2 * count, share]));
    for (const kind of ['dispatch', 'lowLatencyCombine']) {
      const [{ basis, source, ...rates }, before] = [transfers.feb25![kind], H800.transfers.feb25![kind]];
      expect({ ...rates, basis: before.basis, source: before.source }, 'shares of ports, and SMs').to.deep.equal(
        before,
      );
      expect([basis, source.startsWith('scaled from h800: all as there')]).to.deep.equal(['scaled', true]);
    }
  });

  it('says of every rate from where, by what and from which data sheets, and keeps what the base says of it', () => {
    const { kernels, transfers, sources, bases } = onGpu(148, { memoryGBps: 8000 });
    const all = [...Object.values(kernels), ...Object.values(transfers).flatMap((kinds) => Object.values(kinds))];
    for (const { basis, source } of all) {
      expect(basis).to.equal('scaled');
      expect(source)
        .to.match(/^(scaled from h800: .*\(X; NVIDIA H800|taken from h800 unchanged: )/)
        .and.contain('; there ');
    }
    const { source } = kernels['swiglu'];
    expect(source).to.contain('GBps by memory bandwidth, 8000 over 3350 GB/s = 2.388');
    expect(source).to.contain(`there measured: ${H800.kernels['swiglu'].source}`);
    expect([bases['ports'], bases['host'], bases['gpu']]).to.deep.equal(['scaled', 'assumed', 'assumed']);
    expect(sources['host']).to.equal(`as on h800: ${H800.sources['host']}`);
    expect(sources['gpu']).to.equal('set in x, which says no source');
  });
});

describe('what a derived preset says itself', () => {
  const mine = { basis: 'measured', source: 'my own trace' };

  it('changes single values of a kernel, or replaces it where it states its model', () => {
    const memory = { model: 'memory', floorNs: 1, GBps: 2, ...mine };
    const { kernels } = onGpu(132, {}, { kernels: { swiglu: { GBps: 5, ...mine }, 'gemm-fp8': memory } });
    expect(kernels['swiglu']).to.deep.equal({ ...memory, floorNs: H800.kernels['swiglu'].floorNs, GBps: 5 });
    expect(kernels['gemm-fp8']).to.deep.equal(memory);
  });

  it('changes a transfer of an era that the base has only from an era before', () => {
    const transfers = { jun25: { dispatch: { rdma: { efficiency: 0.5 }, ...mine } } };
    const preset = onGpu(132, {}, { transfers });
    const [before, after] = [transferOf(preset, 'apr25', 'dispatch'), transferOf(preset, 'jun25', 'dispatch')];
    expect(after).to.deep.equal({
      ...before,
      links: { ...before.links, rdma: { ...before.links['rdma'], efficiency: 0.5 } },
      ...mine,
    });
    expect(transferOf(preset, 'jun25', 'combine')).to.deep.equal(transferOf(preset, 'apr25', 'combine'));
  });

  it('needs no data sheet on the same GPU, whose rates then stay as they are', () => {
    const ports = { rdma: { bandwidthGBps: 100 } };
    const preset = parseHardware({ name: 'x', base: 'h800', ports }, 'hardware');
    expect(preset.ports.rdma).to.deep.equal({ ...H800.ports.rdma, bandwidthGBps: 100 });
    expect(preset.kernels).to.deep.equal(H800.kernels);
    expect(preset.bases['ports']).to.equal('assumed');
    expect(preset).to.not.have.property('base');
  });

  it('is refused without basis and source, with other SMs but no data sheet, or with a wrong rate: by line', () => {
    const refused = (more: string): string =>
      refusalOf(loadHardware, `{\n"name": "x",\n"base": "h800",\n${more}\n}`).error.message;
    const kernels = (rate: string): string => `"kernels": {\n"swiglu": ${rate}}`;
    expect(refused(kernels('{"GBps": 5, "basis": "measured"}'))).to.match(/line 5, kernels\.swiglu\.source is missing/);
    const negative = kernels('{\n"GBps": -5, "basis": "measured", "source": "s"}');
    expect(refused(negative)).to.match(
      /line 6, kernels\.swiglu\.GBps is -5; give a number from 0.000001 to 1000000000$/,
    );
    expect(refused('"gpu": {"sms": 78}')).to.match(/dataSheet is missing; the base has 132 SMs, not 78/);
    expect(refused('"dataSheet": {\n"name": "s", "fp8Tflops": 0}')).to.match(/line 5, dataSheet\.fp8Tflops is 0/);
    expect(refused('"ports": {\n"rdma": {"mtu": 9000}}')).to.match(/line 5, ports\.rdma\.mtu is unknown/);
  });

  it('may build on a file beside it, but not on itself', () => {
    const files = {
      'a.json': '{"name": "a", "base": "h200", "nodeSize": 16}',
      'b.json': '{"name": "b", "base": "./a.json"}',
      'c.json': '{"name": "c", "base": "./d.json"}',
      'd.json': '{"name": "d", "base": "./c.json"}',
    };
    withFiles(files, (folder) => {
      const { name, nodeSize, gpu } = loadHardware(join(folder, 'b.json'));
      expect([name, nodeSize, gpu.name]).to.deep.equal(['b', 16, 'NVIDIA H200']);
      expect(() => loadHardware(join(folder, 'c.json'))).to.throw(/d\.json has the base .*, which is derived from it/);
    });
  });

  it('is refused on a base that has no data sheet to scale from', () => {
    const { dataSheet, ...bare } = H800;
    const files = {
      'bare.json': JSON.stringify(bare),
      'x.json': JSON.stringify({ name: 'x', base: './bare.json', dataSheet }),
    };
    withFiles(files, (folder) => {
      expect(() => loadHardware(join(folder, 'x.json'))).to.throw(
        /base is ".\/bare.json"; that preset has no dataSheet/,
      );
    });
  });
});
