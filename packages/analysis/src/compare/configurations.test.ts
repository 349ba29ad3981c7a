import { resolveConfiguration, shownConfiguration } from '@epemu/config';
import { expect } from 'chai';
import { configurationDifferences } from './configurations.js';
import type { ComparedConfiguration, ConfigurationDifference } from './configurations.js';

/** A decode that settings change. */
function decode(...settings: string[]): ComparedConfiguration {
  return resolveConfiguration({ scenario: 'decode', settings });
}

/** What a trace says of a run: presets by name, no schedule. */
function ofTrace(of: ComparedConfiguration): ComparedConfiguration {
  const shown = shownConfiguration(of as unknown as Parameters<typeof shownConfiguration>[0]);
  const [hardware, model] = [of['hardware'], of['model']] as { name: string }[];
  return { ...shown, hardware: hardware.name, model: model.name, schedule: undefined };
}

const keys = (differences: readonly ConfigurationDifference[]): string[] => differences.map(({ key }) => key);

describe('what two runs were configured with', () => {
  it('is told key by key where it differs, presets by their names', () => {
    const b = decode('ranks=64', 'hardware.ports.rdma.bandwidthGBps=100', 'threads=7', 'fabric=memory');
    expect(configurationDifferences(decode(), b)).to.deep.equal([
      { key: 'ranks', a: '128', b: '64' },
      { key: 'hardware.ports.rdma.bandwidthGBps', a: '50', b: '100' },
    ]);
    expect(configurationDifferences(decode(), decode('hardware=h200'))).to.deep.equal([
      { key: 'era', a: 'feb25', b: 'sep25' },
      { key: 'hardware', a: 'h800', b: 'h200' },
    ]);
  });

  it('has a schedule that follows from another key in one line', () => {
    const found = configurationDifferences(decode(), decode('overlap=none'));
    expect(keys(found)).to.include('overlap').and.include('schedule.phases');
    for (const { key, a, b } of found) expect(`${a} ${b}`.length, key).to.be.below(130);
  });

  it('says nothing of what a trace leaves out, or where a side tells nothing', () => {
    const run = decode('seed=9', 'schedule.launch=eager');
    expect(configurationDifferences(ofTrace(run), run)).to.deep.equal([]);
    expect(keys(configurationDifferences(ofTrace(decode()), run))).to.deep.equal(['seed']);
    expect(configurationDifferences(null, run)).to.deep.equal([]);
  });

  it('names a key that only one side has', () => {
    const found = configurationDifferences(decode(), decode('routing=biased', 'biasDeviation=0.02'));
    expect(found).to.deep.include({ key: 'biasDeviation', a: null, b: '0.02' });
  });
});
