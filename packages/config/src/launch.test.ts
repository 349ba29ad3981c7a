import { loadHardware } from '@epemu/presets';
import { expect } from 'chai';
import { launchCosts } from './launch.js';
import { resolveConfiguration } from './resolve.js';

function costs(scenario: string, ...settings: string[]): { gapNs: number; kernelLaunchNs: number } {
  const { gapNs, kernelLaunchNs } = launchCosts(resolveConfiguration({ scenario, settings }));
  return { gapNs, kernelLaunchNs };
}

describe('what launching takes', () => {
  const { kernelGapNs, host } = loadHardware('h800');

  it('is autograd’s in training, less in inference, and a shorter gap in a graph', () => {
    expect(costs('train')).to.deep.equal({ gapNs: kernelGapNs, kernelLaunchNs: host.kernelLaunchNs });
    expect(costs('prefill')).to.deep.equal({ gapNs: kernelGapNs, kernelLaunchNs: host.eagerLaunchNs });
    expect(costs('decode').gapNs).to.equal(host.graphGapNs).and.to.be.below(kernelGapNs);
  });

  it('follows each key where it counts, and no other', () => {
    const keys = ['kernelGapNs', 'host.kernelLaunchNs', 'host.eagerLaunchNs', 'host.graphGapNs'];
    const counting = (scenario: string): string[] => {
      const before = costs(scenario);
      return keys.filter((key) => {
        const { gapNs, kernelLaunchNs } = costs(scenario, `hardware.${key}=1234`);
        return gapNs !== before.gapNs || kernelLaunchNs !== before.kernelLaunchNs;
      });
    };
    expect(counting('train')).to.deep.equal(['kernelGapNs', 'host.kernelLaunchNs']);
    expect(counting('prefill')).to.deep.equal(['kernelGapNs', 'host.eagerLaunchNs']);
    expect(counting('decode'), 'launches stand in traces alone').to.deep.equal([
      'host.eagerLaunchNs',
      'host.graphGapNs',
    ]);
  });

  it('is the preset’s one value where it has no other', () => {
    const { hardware, schedule } = resolveConfiguration({ scenario: 'prefill' });
    const alone = { ...hardware, host: { ...host, eagerLaunchNs: undefined, graphGapNs: undefined } };
    const of = (launch: 'eager' | 'graph'): object =>
      launchCosts({ family: 'inference', hardware: alone, schedule: { ...schedule, launch } });
    for (const launch of ['eager', 'graph'] as const) {
      expect(of(launch)).to.include({ gapNs: kernelGapNs, kernelLaunchNs: host.kernelLaunchNs });
    }
  });
});
