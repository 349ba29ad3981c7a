import { kernelDurationNs } from '@epemu/kernels';
import type { KernelShape } from '@epemu/kernels';
import { loadHardware } from '@epemu/presets';
import type { KernelRate, MemoryRate, TileRate } from '@epemu/presets';
import { expect } from 'chai';
import fc from 'fast-check';
import { fitKind } from './fit-kind.js';
import { nonNegativeLeastSquares } from './least-squares.js';
import type { Observation } from './observation.js';

const H800 = loadHardware('h800');
const NO_WORK: KernelShape = { m: 0, n: 0, k: 0, weights: 1, flops: 0, bytes: 0 };
const SMS = 112;

function observed(rate: KernelRate, shapes: readonly Partial<KernelShape>[]): Observation[] {
  return shapes.map((part) => {
    const shape = { ...NO_WORK, ...part };
    return { shape, sms: SMS, ns: kernelDurationNs(H800, rate, shape, SMS) };
  });
}

function fitted(kind: string, observations: readonly Observation[]): KernelRate {
  return fitKind(H800, kind, observations, 'test');
}

const MEMORY = H800.kernels['elementwise'] as MemoryRate;
const TILE = H800.kernels['gemm-fp8'] as TileRate;
function fittedTile(observations: readonly Observation[]): TileRate {
  return fitted('gemm-fp8', observations) as TileRate;
}

/** Products of many waves, whose K and widths differ. */
const PRODUCTS = [
  { m: 4096, n: 1536, k: 7168 },
  { m: 4096, n: 24576, k: 1536 },
  { m: 4096, n: 7168, k: 16384 },
  { m: 4096, n: 32768, k: 512 },
  { m: 4096, n: 4096, k: 7168 },
];

describe('a fitted rate', () => {
  it('of memory-bound kernels recovers the floor and the bandwidth they were made with', () => {
    const constants = fc.record({
      floorNs: fc.integer({ min: 0, max: 3000 }),
      GBps: fc.integer({ min: 100, max: 8000 }),
    });
    fc.assert(
      fc.property(constants, ({ floorNs, GBps }) => {
        const made = observed(
          { ...MEMORY, floorNs, GBps },
          [1e6, 1e7, 5e7, 2e8].map((bytes) => ({ bytes })),
        );
        const fit = fitted('elementwise', made) as MemoryRate;
        expect(fit.floorNs).to.be.closeTo(floorNs, 3);
        expect(fit.GBps).to.be.closeTo(GBps, GBps * 2e-3);
        expect(fit.spread).to.be.below(0.002);
      }),
    );
  });

  it('of matrix products recovers floor, tile and time per K', () => {
    const constants = fc.record({
      floorNs: fc.integer({ min: 0, max: 5000 }),
      tileNs: fc.integer({ min: 0, max: 5000 }),
      nsPerK: fc.integer({ min: 35, max: 120 }).map((tenths) => tenths / 10),
    });
    fc.assert(
      fc.property(constants, (made) => {
        const fit = fittedTile(observed({ ...TILE, ...made }, PRODUCTS));
        expect(fit.floorNs).to.be.closeTo(made.floorNs, 60);
        expect(fit.tileNs).to.be.closeTo(made.tileNs, 20);
        expect(fit.nsPerK).to.be.closeTo(made.nsPerK, made.nsPerK * 0.005);
      }),
    );
  });

  it('of one shape of matrix product keeps the proportions of the base', () => {
    const twice = { ...TILE, tileNs: TILE.tileNs * 2, nsPerK: TILE.nsPerK * 2 };
    const fit = fittedTile(observed(twice, [PRODUCTS[0], PRODUCTS[0]]));
    expect([fit.floorNs, fit.tileNs / TILE.tileNs]).to.deep.equal([TILE.floorNs, 2]);
    expect(fit.nsPerK / TILE.nsPerK).to.be.closeTo(2, 1e-3);
  });

  it('of products that memory binds changes the bandwidth alone', () => {
    const narrow = H800.kernels['deep-gemm-fp8'] as TileRate;
    const bound = observed({ ...narrow, memoryGBps: 1200 }, [{ m: 128, n: 7168, k: 16384 }]);
    const fit = fitted('deep-gemm-fp8', bound) as TileRate;
    expect([fit.tileNs, fit.nsPerK]).to.deep.equal([narrow.tileNs, narrow.nsPerK]);
    expect(fit.memoryGBps).to.be.closeTo(1200, 2);
  });

  it('of attention recovers the rate of an SM', () => {
    const rate = { ...H800.kernels['attention-forward'], tflopsPerSm: 7.25 } as KernelRate;
    expect(fitted('attention-forward', observed(rate, [{ flops: 6e11 }]))).to.include({ tflopsPerSm: 7.25 });
  });

  it('of equal sizes keeps the floor of the base, of no bytes at all has a floor alone', () => {
    const copy = { ...MEMORY, floorNs: 900, GBps: 500 };
    const equal = fitted('elementwise', observed(copy, [{ bytes: 1e7 }, { bytes: 1.2e7 }])) as MemoryRate;
    expect(equal.floorNs).to.equal(MEMORY.floorNs);
    const empty = fitted('elementwise', observed({ ...copy, floorNs: 1234 }, [{}, {}])) as MemoryRate;
    expect([empty.floorNs, empty.GBps]).to.deep.equal([1234, MEMORY.GBps]);
  });

  it('says where it comes from, by how many kernels, and how far they scatter', () => {
    const observations = observed(MEMORY, [{ bytes: 1e8 }, { bytes: 1e8 }]);
    const scattered = observations.map((one, i) => ({ ...one, ns: one.ns * (i === 0 ? 0.9 : 1.1) }));
    const { basis, source, count, spread } = fitted('elementwise', scattered);
    expect({ basis, source, count }).to.deep.equal({ basis: 'measured', source: 'test: 2 kernels', count: 2 });
    expect(spread).to.be.closeTo(0.1, 0.001);
  });

  it('predicts as much time in all as was measured, however the kernels scatter', () => {
    const times = fc.array(fc.integer({ min: 1_000, max: 900_000 }), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(times, (list) => {
        const made = list.map((ns, i) => ({ shape: { ...NO_WORK, bytes: 10 ** (5 + i) }, sms: SMS, ns }));
        const rate = fitted('elementwise', made);
        const predicted = made.reduce((sum, { shape }) => sum + kernelDurationNs(H800, rate, shape, SMS), 0);
        const measured = list.reduce((sum, ns) => sum + ns, 0);
        expect(predicted / measured).to.be.closeTo(1, 2e-3);
      }),
    );
  });
});

describe('least squares', () => {
  it('keeps coefficients from turning negative', () => {
    const fit = nonNegativeLeastSquares(
      [
        [1, 1],
        [1, 2],
        [1, 3],
      ],
      [3, 2, 1],
      [1, 1, 1],
    );
    expect(fit?.[0]).to.be.closeTo(2, 1e-9);
    expect(fit?.[1]).to.equal(0);
  });

  it('finds what several columns were added up from', () => {
    const rows = [
      [1, 2, 7],
      [1, 5, 1],
      [1, 3, 9],
      [1, 8, 2],
    ];
    const fit = nonNegativeLeastSquares(
      rows,
      rows.map(([a, b, c]) => 4 * a + 0.5 * b + 3 * c),
      [1, 2, 3, 4],
    );
    [4, 0.5, 3].forEach((value, i) => expect(fit?.[i]).to.be.closeTo(value, 1e-9));
  });
});
