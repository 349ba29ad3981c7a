import { launchCosts, resolveConfiguration } from '@epemu/config';
import { buildProgram } from '@epemu/schedule';
import { expect } from 'chai';
import { idleSettings } from './idle-settings.js';

function told(scenario: string, ...settings: string[]): string | undefined {
  const configuration = resolveConfiguration({ scenario, flags: { layers: 1 }, settings });
  return idleSettings(configuration, buildProgram(configuration));
}

const KEYS = ['kernelGapNs', 'host.graphGapNs', 'host.kernelLaunchNs', 'host.eagerLaunchNs'];

describe('a value of the hardware that was set and that a run takes no time from', () => {
  it('is told with the reason, and others with it', () => {
    expect(told('decode', 'hardware.kernelGapNs=1', 'hardware.sharing.copyWait=2')).to.equal(
      'Set, but this run takes no time from it: hardware.kernelGapNs (its kernels are launched as a graph), ' +
        'hardware.sharing.copyWait (no transfer that holds SMs is beside computation).',
    );
    expect(told('train', 'overlap=none', 'hardware.sharing.memoryPerSm=0.5')).to.include(
      'hardware.sharing.memoryPerSm',
    );
  });

  it('is none that is as in the preset, or that counts', () => {
    for (const scenario of ['train', 'prefill', 'decode']) expect(told(scenario)).to.equal(undefined);
    expect(told('train', 'hardware.sharing.memoryPerSm=0.5', 'hardware.host.kernelLaunchNs=1')).to.equal(undefined);
    expect(told('prefill', 'hardware.host.eagerLaunchNs=1', 'hardware.host.notifyPollNs=1')).to.equal(undefined);
  });

  it('is each of those of launching that change nothing of what launching takes, and no other', () => {
    for (const scenario of ['train', 'prefill']) {
      const before = launchCosts(resolveConfiguration({ scenario }));
      for (const key of KEYS) {
        const setting = `hardware.${key}=1234`;
        const counts = launchCosts(resolveConfiguration({ scenario, settings: [setting] }));
        const changed = counts.gapNs !== before.gapNs || counts.kernelLaunchNs !== before.kernelLaunchNs;
        expect(told(scenario, setting) === undefined, `${scenario} ${setting}`).to.equal(changed);
      }
    }
  });
});
