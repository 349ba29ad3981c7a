import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadHardware } from '@epemu/presets';
import type { HardwarePreset, KernelRate } from '@epemu/presets';
import { expect } from 'chai';
import { calibrate } from './calibrate.js';
import { withFile } from './synthetic-trace.test-helper.js';

// The published trace is not part of the repository; beside it where there is one.
const BESIDE = '../shared/reference/train/train.json';
const PUBLISHED = fileURLToPath(new URL(BESIDE, new URL('../../../', import.meta.url)));

/** The same kind of rate, far from what was measured. */
function wrong(rate: KernelRate): KernelRate {
  if (rate.model === 'memory') return { ...rate, floorNs: 1000, GBps: 1000 };
  if (rate.model === 'flops') return { ...rate, floorNs: 0, tflopsPerSm: 1 };
  return { ...rate, floorNs: 2000, tileNs: 1000, nsPerK: 9 };
}

/** Some find their bytes in the L2 cache, so that they would have a rate above that of memory, which no preset has. */
function beatsNoMemory({ rate }: { readonly rate: KernelRate }): boolean {
  return rate.model !== 'memory' || rate.GBps <= loadHardware('h800').sharing.memoryGBps;
}

describe('the published training trace', () => {
  const there = existsSync(PUBLISHED);
  const claim = (title: string, test: () => Promise<void>): void => {
    (there ? it : it.skip)(there ? title : `${title} (skipped: ${BESIDE} is missing)`, test);
  };

  claim('gives the training rates of the built-in H800 preset back within 3 %', async () => {
    const { preset, kinds, phases, notPlaced, ...run } = await calibrate(PUBLISHED);
    expect(run).to.include({ ranks: 64, computeSms: 112, communicationSms: 20, tokens: 4096 });
    for (const { kind, differencePct } of kinds.filter(beatsNoMemory)) {
      expect(Math.abs(differencePct), kind).to.be.below(3);
    }
    // Every kernel of 4 cells but the three that fill tensor maps, 0.006 % of the time.
    expect(kinds.reduce((sum, { count }) => sum + count, 0)).to.equal(944);
    expect(notPlaced).to.have.length(1);
    expect(notPlaced[0]).to.include({ count: 3, totalUs: 7, reason: 'unknown name' });
    expect(notPlaced[0].name).to.include('fill_tensormaps_kernel');
    for (const { phase, measuredUs, fittedUs } of phases) {
      expect(fittedUs / measuredUs, phase).to.be.within(0.985, 1.015);
    }
    const [[sms, share]] = preset.memoryShare;
    expect([sms, preset.memoryShare.length]).to.deep.equal([20, 2]);
    expect(share).to.be.closeTo(0.119, 0.004);
  });

  claim('gives them back from whatever preset it starts', async () => {
    const h800 = loadHardware('h800');
    const kernels = Object.fromEntries(Object.entries(h800.kernels).map(([kind, rate]) => [kind, wrong(rate)]));
    const base: HardwarePreset = { ...h800, name: 'wrong', kernels };
    const builtIn = await calibrate(PUBLISHED);
    const { kinds } = await withFile('wrong.json', JSON.stringify(base), (path) =>
      calibrate(PUBLISHED, { base: path }),
    );
    for (const { kind, fittedUs, differencePct } of kinds.filter(beatsNoMemory)) {
      const expected = builtIn.kinds.find((one) => one.kind === kind);
      // How much of a short kernel is its floor decides what transfers took of it, and is what a wrong preset has wrong.
      expect(fittedUs / expected!.baseUs, kind).to.be.closeTo(1, 0.05);
      expect(Math.abs(differencePct), kind).to.be.above(3);
    }
  });
});
