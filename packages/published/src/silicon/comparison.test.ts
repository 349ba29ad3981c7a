import { expect } from 'chai';
import { siliconSummary, stratifiedSample } from './comparison.js';
import type { SiliconComparison } from './comparison.js';
import { kernelComparisons } from './kernel-comparisons.js';

function row(emulatedUs: number, parts: Partial<SiliconComparison> = {}): SiliconComparison {
  const base = { family: 'products', gpu: 'h100', use: 'fitted', what: 'm=1', measuredUs: 100 } as const;
  return { ...base, emulatedUs, ...parts };
}

describe('errors of rows measured on silicon', () => {
  it('are those that half and nine tenths of the rows of a family, GPU and use are within', () => {
    const { errors } = siliconSummary([...[101, 98, 103, 96, 150].map((us) => row(us)), row(90, { use: 'held-out' })]);
    expect(errors).to.deep.equal([
      { family: 'products', gpu: 'h100', use: 'fitted', rows: 5, p50Pct: 3, p90Pct: 50 },
      { family: 'products', gpu: 'h100', use: 'held-out', rows: 1, p50Pct: 10, p90Pct: 10 },
    ]);
  });

  it('name first the row that is furthest off, too short or too long alike', () => {
    const { worst } = siliconSummary([row(150), row(50), row(101)]);
    expect(worst.map(({ emulatedUs }) => emulatedUs)).to.deep.equal([50, 150, 101]);
  });
});

describe('a sample of rows', () => {
  it('has as many of each stratum, evenly over its rows, and all of a small one', () => {
    const rows = [...Array.from({ length: 100 }, (_, i) => `a${i}`), 'b0', 'b1'];
    expect(stratifiedSample(rows, ([letter]) => letter, 4)).to.deep.equal(['a12', 'a37', 'a62', 'a87', 'b0', 'b1']);
  });
});

describe('kernels measured on silicon', () => {
  const { errors } = siliconSummary(kernelComparisons(false));
  // MLA's batched products are measured with their operands in the L2 cache: nothing else is.
  const compared = errors.filter(({ family }) => !family.includes('batched'));

  for (const { family, gpu, use, p50Pct, p90Pct } of compared.filter((each) => each.use !== 'derived')) {
    it(`are met: ${family} on ${gpu}, ${use}`, () => {
      expect(p50Pct).to.be.at.most(12);
      expect(p90Pct).to.be.at.most(32);
    });
  }

  // Prefill is launched eagerly, by a CPU that data sheets of GPUs say nothing of.
  const derived = compared.filter(({ gpu, family }) => gpu === 'gb200 by b200' && !family.includes('prefill'));
  for (const { family, gpu, p50Pct, p90Pct } of derived) {
    it(`are met without a row of the GPU, by one of the same generation: ${family} on ${gpu}`, () => {
      expect(p50Pct).to.be.at.most(20);
      expect(p90Pct).to.be.at.most(40);
    });
  }
});
