import { hardwareNames, loadHardware, loadModel, modelNames } from '@epemu/presets';
import { expect } from 'chai';
import { builtInKernelLists } from './catalogue.js';
import { KernelCatalogue } from './list.js';
import { evenWork } from './sizes.js';

/** Tokens, (query, key) pairs and EP ranks of a decode step. */
const [TOKENS, PAIRS, RANKS] = [128, 128 * 4096, 32];

describe('the built-in hardware', () => {
  for (const hardwareName of hardwareNames()) {
    const hardware = loadHardware(hardwareName);

    it(`times every kernel of every built-in model on ${hardwareName}, collectives included`, () => {
      for (const modelName of modelNames()) {
        const model = loadModel(modelName);
        const { sms } = hardware.gpu;
        const { dispatch, combine } = model.bytesPerToken;
        const catalogue = new KernelCatalogue(hardware, builtInKernelLists(model), {
          ...{ model, ranks: RANKS, expertRanks: RANKS, nodeSize: hardware.nodeSize },
          ...{ gpuSms: sms, computeSms: sms, communicationSms: 20 },
          ...{ dispatchBytes: dispatch, combineBytes: combine },
        });
        const sizes = catalogue.sizesOf(evenWork(catalogue.sizes, TOKENS, PAIRS));
        for (const list of catalogue.names) {
          for (const kernel of catalogue.kernels(list)) {
            const where = `${modelName} ${list} ${kernel.label ?? kernel.name}`;
            expect(kernel.durationNs(sizes, sms), where).to.be.within(1, 1e9);
          }
        }
      }
    });
  }
});

describe('the names of built-in kernels', () => {
  const lists = builtInKernelLists(loadModel('deepseek-v3'));

  it('begin with the nccl that trace analysers look for, exactly where they communicate', () => {
    for (const entry of Object.values(lists).flat()) {
      expect(entry.name.startsWith('nccl'), entry.name).to.equal(entry.class === 'communication');
    }
  });

  it('have one transfer in each collective, last, and a notify before it where ranks synchronise', () => {
    const collectives = Object.entries(lists).filter(([, entries]) => entries.some(({ role }) => role !== undefined));
    expect(collectives).to.have.length.greaterThan(10);
    for (const [name, entries] of collectives) {
      const synchronises = !/^(issue|wait|PP)/.test(name);
      const roles = entries.flatMap(({ role }) => role ?? []);
      expect(roles, name).to.deep.equal(synchronises ? ['notify', 'transfer'] : ['transfer']);
      expect(entries.at(-1)?.role, name).to.equal('transfer');
    }
  });
});
