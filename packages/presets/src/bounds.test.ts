import type { Mapping } from '@epemu/core';
import { expect } from 'chai';
import { loadHardware, loadModel, parseHardware, parseModel } from './index.js';
import { merged } from './merge.js';
import { refusalOf, withFiles } from './refusal.test-helper.js';

/** @returns what parsing is refused with, without the place. */
function refused(parse: (json: unknown, file: string) => unknown, base: object, change: Mapping): string {
  try {
    parse(merged({ ...base }, change), 'mine');
  } catch (error) {
    return (error as Error).message.replace(/^in the preset mine, /, '');
  }
  throw new Error('nothing was refused');
}

const hardware = (change: Mapping): string => refused(parseHardware, loadHardware('h800'), change);
const model = (change: Mapping): string => refused(parseModel, loadModel('deepseek-v3'), change);

describe('bounds of presets', () => {
  it('keep experts within 16-bit ids and experts of a token within 8-bit counts, at once', () => {
    expect(model({ experts: 4e9 })).to.equal('experts is 4000000000; give a whole number from 1 to 65536');
    expect(model({ topK: 256 })).to.equal('topK is 256; give a whole number from 1 to 255');
  });

  it('keep times finite', () => {
    expect(hardware({ ports: { rdma: { bandwidthGBps: 1e-300 } } })).to.match(
      /is 1e-300; give a number from 0\.001 to/,
    );
    expect(hardware({ kernelGapNs: 1e12 })).to.match(/^kernelGapNs is 1000000000000; give a whole number from 0 to/);
    expect(hardware({ kernels: { swiglu: { GBps: 1e308 } } })).to.match(/GBps is 1e\+308; give a number from/);
    expect(model({ bytesPerToken: { combine: 1e8 } })).to.match(
      /combine is 100000000; give a whole number from 1 to 1/,
    );
  });

  it('leave a model an MoE layer at least', () => {
    expect(model({ layers: 3 })).to.equal(
      'denseLayers is 3; the model has 3 layers, of which one at least is MoE, so give fewer',
    );
  });

  it('say that a share is at most 1', () => {
    expect(hardware({ kernels: { 'gemm-fp8': { tileRows: [] } } })).to.match(/is \[\]; give a size$/);
    expect(hardware({ transfers: { feb25: { dispatch: { links: { rdma: { efficiency: 1.5 } } } } } })).to.match(
      /is 1\.5; .* at most 1$/,
    );
  });
});

describe('remedies of presets', () => {
  it('are in words of who writes presets', () => {
    expect(hardware({ gpu: 5 })).to.equal('gpu is 5; give a mapping');
    expect(hardware({ gpu: undefined })).to.equal('gpu is missing; add it');
    expect(hardware({ name: 5 })).to.equal('name is 5; give a text');
    expect(hardware({ name: '' })).to.equal('name is ""; give a text of at least 1 character');
    expect(hardware({ memoryShare: 5 })).to.equal('memoryShare is 5; give a list');
    expect(hardware({ defaultEra: 'x' })).to.equal('defaultEra is "x"; give feb25, apr25, jun25 or sep25');
    expect(hardware({ kernels: { swiglu: null } })).to.equal('kernels.swiglu is null; give a mapping');
    expect(hardware({ kernels: { swiglu: { model: 'x' } } })).to.match(/model is "x"; give tile, flops or memory$/);
    expect(hardware({ transfers: { x: {} } })).to.equal('transfers.x is unknown; remove it or correct its name');
  });

  it('show a number that is not finite as what it is', () => {
    for (const value of [Infinity, -Infinity, NaN]) {
      expect(hardware({ nodeSize: value })).to.match(new RegExp(`^nodeSize is ${value}; give a whole number`));
    }
  });

  it('ask for a base by name or file where it is neither', () => {
    for (const base of [5, null, '']) {
      const message = `base is ${JSON.stringify(base)}; name a built-in hardware preset or a file`;
      expect(hardware({ base })).to.equal(message);
    }
  });
});

describe('a preset in YAML', () => {
  it('is refused by its file where aliases multiply, lead nowhere or lead back to themselves', () => {
    const doubled = Array.from({ length: 9 }, (_, i) => `k${i + 1}: &k${i + 1} [${`*k${i},`.repeat(9)}]`);
    for (const text of [`k0: &k0 [x]\n${doubled.join('\n')}\n`, 'a: *b\n', 'gpu: &a\n  name: *a\n']) {
      const { error, file } = refusalOf(loadHardware, text);
      expect(error.message).to.contain(file);
    }
  });

  it('prints no warnings', async () => {
    const warnings: Error[] = [];
    const listen = (warning: Error): number => warnings.push(warning);
    process.on('warning', listen);
    withFiles({ 'y.yaml': '? [a, b]\n: 1\n' }, (folder) => {
      expect(() => loadHardware(`${folder}/y.yaml`)).to.throw();
    });
    await new Promise(setImmediate);
    process.off('warning', listen);
    expect(warnings).to.deep.equal([]);
  });
});
