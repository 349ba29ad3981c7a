import { join } from 'node:path';
import { expect } from 'chai';
import { loadHardware, loadModel, loadPreset, parseHardware } from './index.js';
import { refusalOf, withFiles } from './refusal.test-helper.js';

type Json = Record<string, Record<string, unknown>>;

/** A changed copy of a preset, one key a line. */
function changed(preset: object, change: (copy: Json) => void): string {
  const copy = structuredClone(preset) as Json;
  change(copy);
  return JSON.stringify(copy, null, 1);
}

/** Number of the line that a key stands in, the first where there are several. */
function lineOf(text: string, key: string): number {
  return text.split('\n').findIndex((line) => line.includes(`"${key}"`)) + 1;
}

const H800 = loadHardware('h800');
const DEEPSEEK = loadModel('deepseek-v3');

describe('a hardware preset of the user', () => {
  it('is read from JSON or YAML', () => {
    const files = { 'mine.json': JSON.stringify({ ...H800, name: 'mine' }), 'y.yaml': 'base: h800\nname: y\n' };
    withFiles(files, (folder) => {
      expect(loadHardware(join(folder, 'mine.json'))).to.deep.equal({ ...H800, name: 'mine' });
      expect(loadHardware(join(folder, 'y.yaml')).name).to.equal('y');
    });
  });

  it('is refused with a rate that is 0, negative or no number, by file, line and key', () => {
    for (const value of [0, -1, '3']) {
      const text = changed(H800, ({ kernels }) => {
        (kernels['gemm-fp8'] as Record<string, unknown>)['nsPerK'] = value;
      });
      const { error, file } = refusalOf(loadHardware, text);
      const place = `in the preset ${file}, line ${lineOf(text, 'nsPerK')}, kernels.gemm-fp8.nsPerK`;
      expect(error.message).to.equal(`${place} is ${JSON.stringify(value)}; give a number from 0.000001 to 1000000000`);
      expect([error.field, error.exitCode]).to.deep.equal(['kernels.gemm-fp8.nsPerK', 2]);
    }
  });

  it('is refused with a rate that is missing, by the line of what should have it', () => {
    const text = changed(H800, ({ ports }) => {
      delete (ports['nvlink'] as Record<string, unknown>)['bandwidthGBps'];
    });
    const { error, file } = refusalOf(loadHardware, text);
    const place = `in the preset ${file}, line ${lineOf(text, 'nvlink')}, ports.nvlink.bandwidthGBps`;
    expect(error.message).to.equal(`${place} is missing; give a number from 0.001 to 1000000`);
  });

  it('is refused with an unknown key, even where a known one is missing because of it', () => {
    const text = changed(H800, (copy) => {
      copy['port'] = copy['ports'];
      delete copy['ports'];
    });
    const { error, file } = refusalOf(loadHardware, text);
    const place = `in the preset ${file}, line ${lineOf(text, 'port')}, port`;
    expect(error.message).to.equal(`${place} is unknown; remove it or correct its name`);
  });

  it('is refused with memory shares that do not ascend', () => {
    const text = changed(H800, (copy) =>
      Object.assign(copy, {
        memoryShare: [
          [112, 1],
          [20, 0.1],
        ],
      }),
    );
    expect(refusalOf(loadHardware, text).error.message).to.match(/memoryShare\.1 has 20 SMs; points ascend/);
  });

  it('is refused with broken syntax, by the line of it', () => {
    const { error, file } = refusalOf(loadHardware, '{\n "name": "mine",\n "nodeSize": [8\n}\n');
    expect(error.message)
      .to.match(/line [34], is no JSON: .*; mend its syntax$/)
      .and.contain(file);
    expect(error.exitCode).to.equal(2);
  });

  it('is refused where it is no mapping, or not there', () => {
    expect(refusalOf(loadHardware, '[]').error.message).to.contain('is not a mapping');
    expect(() => loadHardware('./nowhere.json')).to.throw(/nowhere\.json cannot be read: .*; name a file or/);
  });

  it('has no line where it stands inline in a configuration', () => {
    const json: unknown = JSON.parse(changed(H800, (copy) => Object.assign(copy, { nodeSize: 0 })));
    expect(() => parseHardware(json, 'hardware')).to.throw(
      /^in the preset hardware, nodeSize is 0; give a whole number from 1 to 1000000000$/,
    );
  });
});

describe('a model preset of the user', () => {
  it('is refused with experts that do not divide, and other sizes that contradict each other, by line', () => {
    const cases: Readonly<Record<string, number>> = {
      experts: 257,
      topGroups: 9,
      topK: 129,
      groupScoreExperts: 33,
      denseLayers: 61,
      denseIntermediate: 0,
    };
    for (const [key, value] of Object.entries(cases)) {
      const text = changed(DEEPSEEK, (copy) => Object.assign(copy, { [key]: value }));
      const { error, file } = refusalOf(loadModel, text);
      const place = `in the preset ${file}, line ${lineOf(text, key)}, ${key} is ${value}; `;
      expect(error.message.startsWith(place), error.message).to.be.true;
      expect(error.field).to.equal(key);
    }
  });

  it('is refused with query heads that do not share those of keys and values evenly', () => {
    const text = changed(loadModel('glm-4.5'), ({ attention }) => Object.assign(attention, { kvHeads: 7 }));
    expect(refusalOf(loadModel, text).error.message).to.match(/attention\.kvHeads is 7; it must divide .*, 96$/);
  });

  it('needs no size of dense layers where it has none', () => {
    const text = changed(loadModel('gpt-oss-120b'), (copy) => delete copy['denseIntermediate']);
    withFiles({ 'mine.json': text }, (folder) => {
      expect(loadModel(join(folder, 'mine.json')).denseIntermediate).to.equal(0);
    });
  });

  it('may change another by its base, and is known as a model by it', () => {
    withFiles({ 'mine.json': '{"name": "mine", "base": "kimi-k2", "topK": 4}' }, (folder) => {
      const loaded = loadPreset(join(folder, 'mine.json'));
      expect(loaded.kind).to.equal('model');
      expect(loaded.preset).to.deep.include({ name: 'mine', topK: 4, experts: 384 });
      expect(loaded.preset.sources['topK']).to.match(/^set in .*mine\.json, which says no source$/);
    });
  });
});
