import { loadHardware } from '@epemu/presets';
import type { TileRate } from '@epemu/presets';
import { expect } from 'chai';
import fc from 'fast-check';
import { kernelDurationNs, memoryShare } from './duration.js';
import type { KernelShape } from './duration.js';

const HARDWARE = loadHardware('h800');
const NOTHING: KernelShape = { m: 0, n: 0, k: 0, weights: 1, flops: 0, bytes: 0 };
const PROVENANCE = { basis: 'assumed', source: 'round numbers' } as const;
const TILE: TileRate = {
  model: 'tile',
  tileM: 128,
  tileN: 128,
  floorNs: 1000,
  tileNs: 100,
  nsPerK: 1,
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
    expect(tile(128, 128, 1024, 4)).to.equal(1000 + 1124);
    expect(tile(512, 128, 1024, 4)).to.equal(1000 + 1124);
    expect(tile(513, 128, 1024, 4)).to.equal(1000 + 2 * 1124);
    expect(tile(512, 256, 1024, 4)).to.equal(1000 + 2 * 1124);
  });

  it('pad K to the granule of the scales', () => {
    expect(tile(128, 128, 1, 4)).to.equal(tile(128, 128, 128, 4));
    expect(tile(128, 128, 129, 4)).to.equal(tile(128, 128, 256, 4));
  });

  it('make tiles narrower where they do not fill the SMs, as far as the rate lets them', () => {
    const narrow = { ...TILE, narrowestShare: 0.36 };
    expect(tile(128, 128, 1024, 4, narrow), 'one tile on 4 SMs').to.equal(Math.round(1000 + 100 + 1024 * 0.36));
    expect(tile(384, 128, 1024, 4, narrow), 'three tiles').to.equal(1000 + 100 + 768);
    expect(tile(512, 128, 1024, 4, narrow), 'full').to.equal(tile(512, 128, 1024, 4));
  });

  it('take as long as their bytes where memory binds', () => {
    const bound = { ...TILE, memoryGBps: 1 };
    expect(tile(128, 128, 1024, 4, bound)).to.equal(1000 + 128 * 1024 + 128 * 1024 + 128 * 128 * 2);
  });

  it('take nothing but the floor without rows', () => {
    expect(tile(0, 128, 1024, 4)).to.equal(1000 + Math.round((128 * 1024) / 1e9));
  });

  it('never get slower with more SMs, nor faster with more rows', () => {
    const size = fc.integer({ min: 1, max: 4096 });
    const sms = fc.integer({ min: 1, max: 132 });
    fc.assert(
      fc.property(size, size, size, sms, (m, n, k, count) => {
        expect(tile(m, n, k, count + 1)).to.be.at.most(tile(m, n, k, count));
        expect(tile(m + 128, n, k, count)).to.be.at.least(tile(m, n, k, count));
      }),
    );
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
    expect(at({ flops: 8e6, bytes: 20_000 }, 4)).to.equal(2100);
  });
});
