import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BadInputError } from '@epemu/core';
import { expect } from 'chai';
import { denseLayerCount, nodeCount } from './configuration.js';
import type { Configuration } from './configuration.js';
import { closest, valueAt } from './explain.js';
import { parseConfiguration, resolveConfiguration } from './resolve.js';
import { scenarioData, scenarioNames } from './scenario-data.js';

const folder = mkdtempSync(join(tmpdir(), 'epemu-resolve-'));

function reread(configuration: Configuration): unknown {
  return JSON.parse(JSON.stringify(configuration));
}

describe('resolveConfiguration', () => {
  after(() => {
    rmSync(folder, { recursive: true });
  });

  it('resolves every built-in scenario to its published size', () => {
    const sizes = scenarioNames().map((scenario) => {
      const configuration = resolveConfiguration({ scenario });
      const { ranks, layers, routing, overlap, schedule } = configuration;
      return [scenario, ranks, nodeCount(configuration), layers, routing, overlap, schedule.computeSms];
    });
    expect(sizes).to.deep.equal([
      ['decode', 128, 16, 4, 'balanced', 'full', 132],
      ['prefill', 32, 4, 4, 'balanced', 'full', 108],
      ['train', 64, 8, 4, 'biased', 'full', 112],
    ]);
  });

  for (const scenario of scenarioNames()) {
    for (const overlap of ['full', 'none']) {
      it(`comes back from its config.json: ${scenario}, overlap ${overlap}`, () => {
        const flags = { overlap, ranks: 16, seed: Number.MAX_SAFE_INTEGER };
        const configuration = resolveConfiguration({ scenario, flags, settings: ['hardware.nodeSize=4'] });
        expect(parseConfiguration(reread(configuration))).to.deep.equal(configuration);
        const path = join(folder, `${scenario}-${overlap}.json`);
        writeFileSync(path, JSON.stringify(configuration, null, 1));
        expect(resolveConfiguration({ scenario: path })).to.deep.equal(configuration);
      });
    }
  }

  it('switches the schedule with the overlap, also that of a config.json', () => {
    const full = resolveConfiguration({ scenario: 'prefill' });
    const none = resolveConfiguration({ scenario: 'prefill', flags: { overlap: 'none' } });
    expect(none.schedule).to.deep.equal(parsedSchedule('prefill', 'none'));
    expect(none.schedule).not.to.deep.equal(full.schedule);
    const path = join(folder, 'full.json');
    writeFileSync(path, JSON.stringify(full));
    expect(resolveConfiguration({ scenario: path, flags: { overlap: 'none' } }).schedule).to.deep.equal(none.schedule);
  });

  it('keeps the schedule that a file brings', () => {
    const { schedule } = resolveConfiguration({ scenario: 'prefill' });
    const path = join(folder, 'own.json');
    const phases = schedule.phases.map((phase) => ({ ...phase, after: [] }));
    writeFileSync(path, JSON.stringify({ scenario: 'mine', ranks: 8, schedule: { ...schedule, phases } }));
    const mine = resolveConfiguration({ scenario: path });
    expect(mine.scenario).to.equal('mine');
    expect(mine.schedule.phases.every(({ after }) => after.length === 0)).to.equal(true);
  });

  it('puts 8 ranks into a process above 32 ranks, else one', () => {
    const perWorker = (ranks: number): number =>
      resolveConfiguration({ scenario: 'decode', flags: { ranks } }).ranksPerWorker;
    expect([8, 32, 64, 128].map(perWorker)).to.deep.equal([1, 1, 8, 8]);
  });

  it('counts dense layers in a whole-model run only', () => {
    const dense = (layers: number): number =>
      denseLayerCount(resolveConfiguration({ scenario: 'decode', flags: { layers } }));
    expect([1, 58, 61].map(dense)).to.deep.equal([0, 0, 3]);
  });

  it('refuses sizes and schedules that do not fit, naming field and value', () => {
    const refused = (flags: Record<string, unknown>, settings: string[] = []): string => {
      try {
        resolveConfiguration({ scenario: 'train', flags, settings });
      } catch (error) {
        return `${(error as BadInputError).field}: ${(error as BadInputError).message}`;
      }
      return 'nothing';
    };
    expect(refused({ ranks: 12 }))
      .to.include('ranks: ranks is 12')
      .and.include('use one of 1, 2, 4, 8, 16, 32, 64, 128');
    expect(refused({ layers: 59 }))
      .to.include('layers: layers is 59')
      .and.include('1 to 58 MoE layers, or 61');
    expect(refused({ ranksPerWorker: 3 })).to.include('ranksPerWorker: ranksPerWorker is 3');
    expect(refused({ jitter: 0.6 })).to.equal('jitter: jitter is 0.6, but it must be at most 0.5');
    expect(refused({ overlap: 'half' })).to.include('overlap is "half", but it must be one of full, none');
    expect(refused({ seed: 'x' })).to.equal('seed: seed is "x", but it must be of type number');
    expect(refused({ promptLengths: [5] })).to.include('promptLengths');
    expect(refused({}, ['schedule.computeSms=133'])).to.include('schedule.computeSms is 133, but the GPU has 132 SMs');
    expect(refused({}, ['schedule.layerMarker=nope'])).to.include('schedule.layerMarker is nope');
  });

  it('refuses what is no configuration at all', () => {
    expect(() => parseConfiguration(null)).to.throw(BadInputError, 'the configuration is null');
    expect(() => resolveConfiguration({ scenario: 'trane' })).to.throw(
      BadInputError,
      'choose one of decode, prefill, train',
    );
  });
});

/** A schedule as its data file has it, with the schema's defaults. */
function parsedSchedule(scenario: string, overlap: string): unknown {
  const configuration = resolveConfiguration({ scenario });
  const schedule = scenarioData(scenario)?.schedules[overlap] as object;
  const computeSms = configuration.hardware.gpu.sms;
  return parseConfiguration({ ...configuration, schedule: { ...schedule, computeSms } }).schedule;
}

describe('closest', () => {
  it('finds the word that was meant, whatever its case, and none where none is near', () => {
    const words = ['ranks', 'layers', 'tokensPerMicrobatch'];
    expect(['rank', 'LAYER', 'tokenspermicrobatch', 'laers'].map((word) => closest(word, words))).to.deep.equal([
      'ranks',
      'layers',
      'tokensPerMicrobatch',
      'layers',
    ]);
    expect(closest('bandwidth', words)).to.equal(undefined);
    expect(closest('x', [])).to.equal(undefined);
  });
});

describe('valueAt', () => {
  it('follows a path through mappings and lists, to undefined where it leads nowhere', () => {
    const root = { faults: [{ rank: 3 }] };
    expect(valueAt(root, ['faults', 0, 'rank'])).to.equal(3);
    expect(valueAt(root, ['faults', 1, 'rank'])).to.equal(undefined);
    expect(valueAt(root, ['toString'])).to.equal(undefined);
    expect(valueAt(root, [])).to.equal(root);
  });
});
