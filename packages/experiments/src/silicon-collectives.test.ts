import { siliconUse } from '@epemu/published';
import type { SiliconComparison } from '@epemu/published';
import { expect } from 'chai';
import { runCollective } from './collective.js';
import { collectiveComparisons, sampledCollectives } from './silicon-collectives.js';

/** What a share of the rows is within, %. */
function within(rows: readonly SiliconComparison[], share: number): number {
  const off = rows.map(({ measuredUs, emulatedUs }) => Math.abs(100 * (emulatedUs / measuredUs - 1)));
  return off.sort((a, b) => a - b)[Math.floor(off.length * share)];
}

describe('collectives beside those measured on silicon', () => {
  let rows: SiliconComparison[];
  before(async () => {
    rows = await collectiveComparisons(false);
  });

  const families = {
    'normal mode on H100': ({ family, gpu }: SiliconComparison) => gpu === 'h100' && family.includes('normal'),
    'low-latency mode on H100': ({ family, gpu }: SiliconComparison) => gpu === 'h100' && family.includes('low'),
    'low-latency mode on B200 and GB200': ({ family, gpu }: SiliconComparison) =>
      gpu !== 'h100' && family.includes('low'),
    'normal mode on B200 and GB200': ({ family, gpu }: SiliconComparison) =>
      gpu !== 'h100' && family.includes('normal'),
  };
  for (const [what, isOf] of Object.entries(families)) {
    for (const use of ['fitted', 'held-out'] as const) {
      it(`are within 7 % in the half and 20 % in nine tenths of ${use} rows: ${what}`, () => {
        const of = rows.filter((row) => isOf(row) && row.use === use);
        expect(of.length).to.be.above(10);
        expect(within(of, 0.5), 'half').to.be.below(7);
        expect(within(of, 0.9), 'nine tenths').to.be.below(20);
      });
    }
  }

  it('are a sample of both uses, all GPUs and numbers of nodes, the same each time', () => {
    const sample = sampledCollectives();
    expect(sample).to.deep.equal(sampledCollectives());
    expect(new Set(sample.map(({ mode, gpu, nodes }) => `${mode} ${gpu} ${nodes}`)).size).to.equal(10);
    expect(new Set(sample.map(siliconUse))).to.deep.equal(new Set(['fitted', 'held-out']));
  });
});

/** The SM count of the tables from which more bring less than 3 %. */
async function wall(ranks: number, half: 'dispatch' | 'combine'): Promise<number> {
  const counts = [4, 8, 12, 16, 20, 24];
  const us: number[] = [];
  for (const sms of counts) {
    const options = { mode: 'normal', hardware: 'h100', tokens: 4096, ranks, sms } as const;
    us.push((await runCollective(options))[half].transferUs);
  }
  return counts[us.findIndex((time) => time <= Math.min(...us) * 1.03)];
}

describe('the SM count from which more bring nothing, on H100', () => {
  it('is that which was measured: at EP8 20, at EP32 12 for a dispatch and 16 for a combine', async () => {
    expect(await wall(8, 'dispatch'), 'EP8 dispatch').to.equal(20);
    expect(await wall(32, 'dispatch'), 'EP32 dispatch').to.equal(12);
    expect(await wall(32, 'combine'), 'EP32 combine').to.equal(16);
  });
});
