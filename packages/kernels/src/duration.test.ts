import { hardwareNames, loadHardware } from '@epemu/presets';
import type { KernelRate, TileRate } from '@epemu/presets';
import { expect } from 'chai';
import fc from 'fast-check';
import { kernelDurationNs, kernelTime, memoryShare } from './duration.js';
import type { KernelShape } from './shape.js';
import { productBytes } from './tile-law.js';

const HARDWARE = loadHardware('h800');
const NOTHING: KernelShape = { m: 0, n: 0, k: 0, weights: 1, flops: 0, bytes: 0 };
const PROVENANCE = { basis: 'assumed', source: 'round numbers' } as const;
const TILE: TileRate = {
  model: 'tile',
  tileRows: [128],
  tileColumns: [128],
  floorNs: 1000,
  tileNs: 100,
  // Not below what the data sheet allows.
  nsPerK: 4,
  operandBytes: 1,
  resultBytes: 2,
  memoryGBps: 1e9,
  ...PROVENANCE,
};

function tile(m: number, n: number, k: number, sms: number, rate: TileRate = TILE): number {
  return kernelDurationNs(HARDWARE, rate, { ...NOTHING, m, n, k }, sms);
}

describe('matrix products', () => {
  it('take a floor and as many waves of tiles as the SMs need', () => {
    const wave = 100 + 1024 * 4;
    expect(tile(128, 128, 1024, 4)).to.equal(1000 + wave);
    expect(tile(512, 128, 1024, 4)).to.equal(1000 + wave);
    expect(tile(512, 256, 1024, 4)).to.equal(1000 + 2 * wave);
  });

  it('take a whole wave for a quarter of one, and a whole tile for half of its rows; less for less', () => {
    const wave = 100 + 1024 * 4;
    expect(tile(640, 128, 1024, 4), 'a quarter of a wave').to.equal(1000 + 2 * wave);
    expect(tile(576, 128, 1024, 4), 'half a tile').to.equal(1000 + 2 * wave);
    expect(tile(528, 128, 1024, 4), 'an eighth of a tile: a quarter of one').to.equal(1000 + 1.25 * wave);
  });

  it('pad K to the granule of the scales', () => {
    expect(tile(128, 128, 1, 4)).to.equal(tile(128, 128, 128, 4));
    expect(tile(128, 128, 129, 4)).to.equal(tile(128, 128, 256, 4));
  });

  it('take the tiles of least time, and no step of K below the least', () => {
    const narrow = { ...TILE, tileColumns: [32, 64, 128] };
    expect(tile(128, 128, 1024, 4, narrow), 'four tiles on 4 SMs').to.equal(1000 + 25 + 1024);
    expect(tile(384, 128, 1024, 4, narrow), 'twelve of them as well').to.equal(1000 + 75 + 3 * 1024);
    expect(tile(128, 128, 1024, 4, { ...narrow, leastNsPerK: 3 })).to.equal(1000 + 25 + 3 * 1024);
  });

  it('split K where tiles do not fill the SMs, for as long as that is worth what it costs', () => {
    expect(tile(128, 128, 1024, 4, { ...TILE, splitNs: 1000 })).to.equal(1000 + 100 + 1024 + 2 * 1000);
    expect(tile(128, 128, 1024, 4, { ...TILE, splitNs: 3000 })).to.equal(tile(128, 128, 1024, 4));
  });

  it('take as long as their bytes where memory binds', () => {
    const bound = { ...TILE, memoryGBps: 1 };
    const bytes = 128 * 1024 + 128 * 1024 + 128 * 128 * 2;
    expect(tile(128, 128, 1024, 4, bound)).to.equal(1000 + bytes);
  });

  it('take a quarter longer than each of two parts that are equally long', () => {
    const bytes = 128 * 1024 + 128 * 1024 + 128 * 128 * 2;
    const both = { ...TILE, memoryGBps: bytes / (100 + 1024 * 4) };
    expect(tile(128, 128, 1024, 4, both)).to.equal(1000 + 1.25 * (100 + 1024 * 4));
  });

  it("read the matrices of experts that have rows, and pad each expert's rows by themselves", () => {
    const shape = { ...NOTHING, m: 999, n: 128, k: 1024, weights: 99, groups: [1, 0, 130, 0] };
    const bytes = 131 * 1024 + 2 * 128 * 1024 + 131 * 128 * 2;
    expect(productBytes(TILE, shape)).to.equal(bytes);
    expect(kernelDurationNs(HARDWARE, TILE, shape, 3)).to.be.within(1000 + 100 + 4096, 1000 + 1.1 * (100 + 4096));
  });

  it('take nothing but the floor without rows', () => {
    expect(tile(0, 128, 1024, 4)).to.equal(1000 + Math.round((128 * 1024) / 3350));
    expect(kernelDurationNs(HARDWARE, TILE, { ...NOTHING, n: 128, k: 128, groups: [0, 0] }, 4)).to.equal(1000);
  });
});

const SIZE = fc.oneof(fc.integer({ min: 1, max: 512 }), fc.integer({ min: 1, max: 32768 }));
const SHAPE: fc.Arbitrary<KernelShape> = fc.record({
  ...{ m: SIZE, n: SIZE, k: SIZE, weights: fc.integer({ min: 1, max: 256 }) },
  ...{ flops: fc.integer({ min: 0, max: 1e14 }), bytes: fc.integer({ min: 0, max: 1e11 }) },
  keys: fc.integer({ min: 0, max: 1e6 }),
});
const GROUPS = fc.array(fc.integer({ min: 0, max: 2000 }), { minLength: 1, maxLength: 64 });

describe('laws of kernels, on every preset', () => {
  const presets = hardwareNames().map((name) => loadHardware(name));
  /** A preset, one of its rates, a shape, and SMs of its GPU. */
  const kernel = fc
    .constantFrom(...presets)
    .chain((hardware) =>
      fc.tuple(
        ...([fc.constant(hardware), fc.constantFrom(...Object.entries(hardware.kernels))] as const),
        ...([SHAPE, fc.option(GROUPS, { nil: undefined }), fc.integer({ min: 1, max: hardware.gpu.sms })] as const),
      ),
    )
    .map(([hardware, [kind, rate], shape, groups, sms]) => {
      const grouped = rate.model === 'tile' && groups !== undefined ? { ...shape, groups } : shape;
      return { hardware, kind, rate, shape: grouped, sms };
    });

  it('beat neither the operations nor the bytes of the data sheet', () => {
    fc.assert(
      fc.property(kernel, ({ hardware, rate, shape, sms }) => {
        const { dataSheet, gpu } = hardware;
        const { flops, bytes } = workOf(rate, shape);
        const peak = rate.model === 'tile' && rate.operandBytes <= 1 ? dataSheet!.fp8Tflops : dataSheet!.bf16Tflops;
        const { ns, rooflineNs } = kernelTime(hardware, rate, shape, sms);
        expect(ns + 1).to.be.at.least((flops / (peak * 1000)) * (gpu.sms / sms));
        expect(ns + 1).to.be.at.least(bytes / dataSheet!.memoryGBps);
        expect(ns + 1).to.be.at.least(rooflineNs);
      }),
    );
  });

  it('are never slower with more SMs, nor with fewer rows, bytes or operations', () => {
    fc.assert(
      fc.property(kernel, ({ hardware, rate, shape, sms }) => {
        const ns = kernelDurationNs(hardware, rate, shape, sms);
        expect(kernelDurationNs(hardware, rate, shape, sms + 1), 'SMs').to.be.at.most(ns);
        const { m, flops, bytes, groups } = shape;
        const fewer = groups?.map((rows) => Math.max(0, rows - 1));
        const less = { ...shape, m: m - 1, flops: flops * 0.99, bytes: bytes * 0.99 };
        const smaller = fewer === undefined ? less : { ...less, groups: fewer };
        expect(kernelDurationNs(hardware, rate, smaller, sms), 'work').to.be.at.most(ns);
      }),
    );
  });

  it('are never slower with more bandwidth', () => {
    fc.assert(
      fc.property(kernel, ({ hardware, rate, shape, sms }) => {
        const ns = kernelDurationNs(hardware, rate, shape, sms);
        const faster =
          rate.model === 'memory' ? { ...rate, GBps: rate.GBps * 1.1 } : { ...rate, memoryGBps: rate.memoryGBps * 1.1 };
        expect(kernelDurationNs(hardware, faster, shape, sms)).to.be.at.most(ns);
      }),
    );
  });

  it('have no steps: one row more changes a product of 64 rows or more by 8 % at most', () => {
    fc.assert(
      fc.property(kernel, ({ hardware, rate, shape, sms }) => {
        if (rate.model !== 'tile') return;
        const before = { ...NOTHING, m: shape.m + 64, n: shape.n, k: shape.k };
        const ns = kernelDurationNs(hardware, rate, before, sms);
        const after = kernelDurationNs(hardware, rate, { ...before, m: before.m + 1 }, sms);
        expect(after / ns, JSON.stringify(before)).to.be.at.most(1.08);
      }),
    );
  });
});

/** Operations and bytes of a kernel, by its shape alone. */
function workOf(rate: KernelRate, shape: KernelShape): { flops: number; bytes: number } {
  if (rate.model !== 'tile') return { flops: rate.model === 'flops' ? shape.flops : 0, bytes: shape.bytes };
  const rows = shape.groups?.reduce((sum, each) => sum + each, 0) ?? shape.m;
  return { flops: 2 * rows * shape.n * shape.k, bytes: productBytes(rate, shape) };
}

describe('what binds a kernel', () => {
  const boundOf = (m: number, n: number, k: number): string =>
    kernelTime(HARDWARE, { ...TILE, memoryGBps: 3000 }, { ...NOTHING, m, n, k }, 132).bound;

  it('is its floor, its bytes, its tiles or its operations', () => {
    expect(boundOf(1, 128, 128)).to.equal('launch');
    expect(boundOf(16, 16384, 7168)).to.equal('memory');
    expect(boundOf(256, 512, 7168), '8 tiles on 132 SMs').to.equal('tiles');
    expect(boundOf(8192, 8448, 7168)).to.equal('compute');
  });
});

describe('memory-bound kernels', () => {
  const rate = { model: 'memory', floorNs: 500, GBps: 100, ...PROVENANCE } as const;
  const at = (bytes: number, sms: number): number => kernelDurationNs(HARDWARE, rate, { ...NOTHING, bytes }, sms);

  it('take a floor and their bytes over the rate', () => {
    expect(at(100_000, 132)).to.equal(1500);
    expect(at(0, 132)).to.equal(500);
  });

  it('have the share of the rate that their SMs give them, as the FP8 cast on 20 SMs of the published trace', () => {
    expect(at(100_000, 20)).to.equal(Math.round(500 + 1000 / HARDWARE.memoryShare[0][1]));
  });
});

describe('memoryShare', () => {
  const points: [number, number][] = [
    [20, 0.1],
    [100, 0.9],
  ];

  it('rises from nothing through its points and is whole beyond them', () => {
    expect([0, 10, 20, 60, 100, 101, 132].map((sms) => memoryShare(points, sms))).to.deep.equal([
      ...[0, 0.05, 0.1, 0.5, 0.9, 1, 1],
    ]);
  });
});

describe('attention', () => {
  const rate = { model: 'flops', floorNs: 100, tflopsPerSm: 2, memoryGBps: 10, ...PROVENANCE } as const;
  const at = (shape: Partial<KernelShape>, sms: number): number =>
    kernelDurationNs(HARDWARE, rate, { ...NOTHING, ...shape }, sms);

  it('takes its operations over the rate of its SMs, or its bytes where memory binds', () => {
    expect(at({ flops: 8e6 }, 4)).to.equal(1100);
    expect(at({ flops: 8e6, bytes: 20_000 }, 4)).to.equal(Math.round(100 + 2000 + (1000 * 0.5 ** 3) / 4));
  });

  it('goes through the keys of a query one after the other, until they are split', () => {
    const rate = { model: 'flops', floorNs: 100, tflopsPerSm: 2, memoryGBps: 10, nsPerKey: 5, keysInRow: 64 } as const;
    const of = (keys: number): number =>
      kernelDurationNs(HARDWARE, { ...rate, ...PROVENANCE }, { ...NOTHING, flops: 4, keys }, 4);
    expect([of(0), of(10), of(64), of(65)]).to.deep.equal([100, 150, 420, 420]);
  });
});
