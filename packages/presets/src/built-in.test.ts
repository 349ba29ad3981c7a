import { BadInputError } from '@epemu/core';
import { expect } from 'chai';
import {
  ERAS,
  hardwareNames,
  linkRate,
  loadHardware,
  loadModel,
  loadPreset,
  modelNames,
  transferKinds,
  transferOf,
} from './index.js';

const WITHOUT_SOURCE = ['version', 'name', 'description', 'sources', 'bases', 'kernels', 'transfers'];
const KINDS = ['cachedDispatch', 'combine', 'dispatch', 'lowLatencyCombine', 'lowLatencyDispatch', 'pipeline'];

describe('the built-in hardware presets', () => {
  it('are those that EP clusters are made of', () => {
    const names = ['b200', 'b300', 'gb200-nvl72', 'gb300-nvl72', 'h100', 'h20', 'h200', 'h800'];
    expect(hardwareNames()).to.deep.equal(names);
  });

  for (const name of hardwareNames()) {
    describe(name, () => {
      const preset = loadHardware(name);

      it('says of every value what it rests on and where it comes from', () => {
        const keys = Object.keys(preset).filter((key) => !WITHOUT_SOURCE.includes(key));
        expect(preset.sources).to.include.all.keys(...keys);
        expect(preset.bases).to.include.all.keys(...keys);
        const transfers = Object.values(preset.transfers).flatMap((kinds) => Object.values(kinds));
        for (const { basis, source } of [...Object.values(preset.kernels), ...transfers]) {
          expect(basis).to.be.a('string');
          expect(source.length, source).to.be.greaterThan(10);
        }
      });

      it('is called as its file is, and writes its SMs into traces', () => {
        const { sms, deviceProperties } = preset.gpu;
        expect([preset.name, deviceProperties['numSms']]).to.deep.equal([name, sms]);
        expect(String(deviceProperties['name'])).to.match(new RegExp(`^${preset.gpu.name}`));
      });

      it('has every kind of transfer in every era, none faster than its port', () => {
        for (const era of ERAS) {
          expect(transferKinds(preset, era), era).to.deep.equal(KINDS);
          for (const kind of KINDS) {
            const use = { era, kind, sms: 20, load: 1, messageBytes: 7392 };
            const links = transferOf(preset, era, kind).hops;
            for (const link of links) {
              const { GBps } = linkRate(preset, link, use);
              expect(GBps, `${kind} ${link}`).to.be.within(0.5, preset.ports[link].bandwidthGBps);
            }
          }
        }
      });
    });
  }

  it('put 72 GPUs of a GB200 rack on one NVLink, whose low-latency collectives use it', () => {
    const { nodeSize, defaultEra } = loadHardware('gb200-nvl72');
    expect([nodeSize, defaultEra]).to.deep.equal([72, 'sep25']);
    expect(transferOf(loadHardware('gb200-nvl72'), defaultEra, 'lowLatencyDispatch')).to.have.nested.property(
      'links.nvlink',
    );
  });

  it('push on H20 what a DeepEP run on it measured (issue 16: 337 GB/s, 7/8 of it to other GPUs, 24 SMs), in 5 %', () => {
    const copies = { tokens: 4096, toNodes: 0, toRanks: 21_640, linkBytes: 21_640 * (7 / 8) * 7392 };
    const use = { era: 'feb25', kind: 'dispatch', sms: 24, load: 0, messageBytes: 7392, copies } as const;
    expect(linkRate(loadHardware('h20'), 'nvlink', use).GBps / (337.35 * (7 / 8))).to.be.within(0.95, 1.05);
  });

  it('have of the newest kernels what was measured on each GPU that has rows, with its own basis', () => {
    for (const name of ['h100', 'b200', 'gb200-nvl72']) {
      const hardware = loadHardware(name);
      expect(hardware.defaultEra, name).to.equal('sep25');
      for (const kind of ['dispatch', 'cachedDispatch', 'combine', 'lowLatencyDispatch', 'lowLatencyCombine']) {
        expect(transferOf(hardware, 'sep25', kind).basis, `${name} ${kind}`).to.equal('fitted');
      }
    }
  });
});

describe('the built-in model presets', () => {
  const names = ['deepseek-r1', 'deepseek-v3', 'glm-4.5', 'gpt-oss-120b', 'kimi-k2', 'qwen3-235b-a22b'];

  it('are the models that are served with EP', () => {
    expect(modelNames()).to.deep.equal(names);
  });

  for (const name of names) {
    const model = loadModel(name);

    it(`give a source for every value of ${name}`, () => {
      const { bytesPerToken, ...others } = model;
      const keys = Object.keys(others).filter((key) => !WITHOUT_SOURCE.includes(key));
      const bytes = Object.keys(bytesPerToken).map((key) => `bytesPerToken.${key}`);
      expect(model.sources).to.include.all.keys(...keys, ...bytes);
    });

    it(`count a token of ${name} as DeepEP does: FP8 with a scale for 128 values, BF16 back`, () => {
      const { hidden, bytesPerToken } = model;
      const dispatch = hidden + Math.ceil(hidden / 128) * 4;
      const expected = { dispatch, lowLatencyDispatch: dispatch + 16, combine: 2 * hidden, pipeline: 2 * hidden };
      expect(bytesPerToken).to.deep.equal(expected);
    });
  }

  it('give DeepSeek-V3 tokens of 7392, 7408 and 14336 bytes, and R1 its shapes', () => {
    const { name, description, ...shapes } = loadModel('deepseek-v3');
    expect(Object.values(shapes.bytesPerToken)).to.deep.equal([7392, 7408, 14_336, 14_336]);
    expect([name, description]).to.not.include(loadModel('deepseek-r1').name);
    expect(loadModel('deepseek-r1')).to.deep.include(shapes);
  });
});

describe('loadPreset', () => {
  it('finds presets of both kinds by name', () => {
    expect([loadPreset('h20').kind, loadPreset('kimi-k2').kind]).to.deep.equal(['hardware', 'model']);
  });

  it('lists the names there are when one is unknown', () => {
    expect(() => loadPreset('h900')).to.throw(BadInputError, /no preset h900; choose one of b200.*kimi-k2/);
    expect(() => loadHardware('h900')).to.throw(BadInputError, /choose one of b200.*h800/);
    expect(() => loadModel('deepseek')).to.throw(BadInputError, /choose one of deepseek-r1/);
  });
});
