import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BadInputError } from '@epemu/core';
import { expect } from 'chai';
import { resolveConfiguration } from './resolve.js';
import type { ConfigurationSources } from './resolve.js';
import { applySetting, environmentOverrides, merged, parseScalar } from './sources.js';

const folder = mkdtempSync(join(tmpdir(), 'epemu-sources-'));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

function complaint(sources: ConfigurationSources): string {
  try {
    resolveConfiguration(sources);
  } catch (error) {
    expect(error).to.be.instanceOf(BadInputError);
    return (error as BadInputError).message;
  }
  throw new Error('nothing was refused');
}

describe('sources of a configuration', () => {
  after(() => {
    rmSync(folder, { recursive: true });
  });

  it('are each stronger than the one before: defaults, file, environment, flags, settings', () => {
    const scenario = file('strength.yaml', 'scenario: decode\nseed: 2\n');
    const environment = { EPEMU_SEED: '3' };
    const flags = { seed: 4 };
    const seed = (sources: ConfigurationSources): number => resolveConfiguration(sources).seed;
    expect(seed({ scenario: 'decode' })).to.equal(7);
    expect(seed({ scenario })).to.equal(2);
    expect(seed({ scenario, environment })).to.equal(3);
    expect(seed({ scenario, environment, flags })).to.equal(4);
    expect(seed({ scenario, environment, flags, settings: ['seed=5', 'seed=6'] })).to.equal(6);
  });

  it('replace a weaker choice of prompts by a token count, and the other way round', () => {
    const workload = (sources: ConfigurationSources): unknown => {
      const { promptLengths, tokensPerMicrobatch } = resolveConfiguration(sources);
      return promptLengths ?? tokensPerMicrobatch;
    };
    const scenario = file('prompts.yaml', 'scenario: prefill\npromptLengths: [100, 50]\n');
    expect(workload({ scenario })).to.deep.equal([100, 50]);
    expect(workload({ scenario, flags: { tokensPerMicrobatch: 64 } })).to.equal(64);
    expect(workload({ scenario, settings: ['tokensPerMicrobatch=32'] })).to.equal(32);
    expect(
      workload({ scenario, environment: { EPEMU_TOKENS_PER_MICROBATCH: '64' }, flags: { promptLengths: [9] } }),
    ).to.deep.equal([9]);
    const both = { promptLengths: [9], tokensPerMicrobatch: 9 };
    expect(complaint({ scenario: 'prefill', flags: both })).to.include('are both given; give one of them');
  });

  it('name file and line of a syntax error', () => {
    const text = complaint({ scenario: file('broken.yaml', 'scenario: decode\nranks: 8\nlayers: {a: 1\n') });
    expect(text).to.include('broken.yaml, line 4: ').and.include('mend the file');
    expect(text).not.to.include('\n');
    expect(complaint({ scenario: file('list.yaml', '- a\n') })).to.include('no mapping of keys');
    expect(complaint({ scenario: './nowhere.yaml' })).to.include('./nowhere.yaml cannot be read');
  });

  it('have keys whose misspellings are told with the key that was meant', () => {
    expect(complaint({ scenario: file('key.yaml', 'scenario: decode\nrank: 8\n') })).to.equal(
      "rank is not a key of a run's configuration; did you mean ranks?",
    );
    expect(complaint({ scenario: 'decode', flags: { payload: { hiden: 16 } } })).to.equal(
      "payload.hiden is not a key of a run's configuration; did you mean hidden?",
    );
    expect(complaint({ scenario: 'decode', flags: { slowRanks: [{ rank: 0, factor: 2, why: 1 }] } })).to.equal(
      "slowRanks.0.why is not a key of a run's configuration; known keys are rank, factor, fromUs, forUs",
    );
  });
});

describe('settings', () => {
  const set = (...settings: string[]): ConfigurationSources => ({ scenario: 'decode', settings });

  it('reach any depth, presets included', () => {
    const settings = [
      'hardware.ports.rdma.bandwidthGBps=100',
      'slowRanks=[{"rank":3,"factor":2}]',
      'slowRanks.0.rank=4',
    ];
    const { hardware, slowRanks } = resolveConfiguration(set(...settings));
    expect(hardware.ports.rdma.bandwidthGBps).to.equal(100);
    expect(slowRanks).to.deep.equal([{ rank: 4, factor: 2 }]);
  });

  it('of whole keys decide what follows from them, as flags do', () => {
    const flags = { overlap: 'none', ranks: 8 };
    const byFlags = resolveConfiguration({ scenario: 'decode', flags });
    expect(resolveConfiguration(set('overlap=none', 'ranks=8'))).to.deep.equal(byFlags);
    expect(resolveConfiguration(set('hardware=h800')).hardware.name).to.equal(byFlags.hardware.name);
  });

  it('are refused without a value, and where they lead nowhere', () => {
    expect(complaint(set('ranks'))).to.equal('--set ranks has no value; write it as path=value');
    expect(complaint(set('=5'))).to.include('has no value');
    expect(complaint(set('nope=1'))).to.include('--set nope=1: there is no nope; known here are ');
    expect(complaint(set('payload.nope=1'))).to.include('there is no payload.nope; known here are kind, hidden');
    expect(complaint(set('seed.deeper=1'))).to.include('there is no seed.deeper');
    expect(complaint(set('__proto__.polluted=1'))).to.include('there is no __proto__');
  });

  it('may add a key that has no default', () => {
    const root = { layers: 4 };
    applySetting(root, 'promptLengths=[1,2]', ['promptLengths']);
    expect(root).to.deep.equal({ layers: 4, promptLengths: [1, 2] });
  });
});

describe('merged', () => {
  it('goes into mappings, replaces lists whole and leaves its arguments alone', () => {
    const base = { payload: { kind: 'float32', hidden: 16 }, faults: [1, 2], seed: 1 };
    const over = { payload: { kind: 'none' }, faults: [3], seed: undefined };
    expect(merged(base, over)).to.deep.equal({ payload: { kind: 'none', hidden: 16 }, faults: [3], seed: 1 });
    expect(base.payload.kind).to.equal('float32');
  });
});

describe('environmentOverrides', () => {
  it('takes the known variables, as the values they spell, and no empty ones', () => {
    const environment = { EPEMU_RANKS: '8', EPEMU_ROUTING: 'biased', EPEMU_SEED: '', EPEMU_TOKEN: 'x', HOME: '/' };
    expect(environmentOverrides(environment)).to.deep.equal({ ranks: 8, routing: 'biased' });
    expect(['1e3', '[1]', 'none', '"8"'].map(parseScalar)).to.deep.equal([1000, [1], 'none', '8']);
  });
});
