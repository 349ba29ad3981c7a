import { resolveConfiguration } from '@epemu/config';
import { expect } from 'chai';
import { idleBandwidth } from './idle-bandwidth.js';

function told(scenario: string, ...settings: string[]): string | undefined {
  return idleBandwidth(resolveConfiguration({ scenario, settings }));
}

describe('a bandwidth that was set and binds nothing', () => {
  it('is told in one sentence, with what each transfer gets of it', () => {
    expect(told('prefill', 'hardware.ports.rdma.bandwidthGBps=100')).to.match(
      /^hardware\.ports\.rdma\.bandwidthGBps is 100 where h800 has 50, but no transfer of this run is bound by it: \w+ gets \d+\.\d GB\/s of it, by its SMs; .*\.$/,
    );
  });

  it('is not told where it binds, before or after, or is what the preset has', () => {
    expect(told('decode', 'hardware.ports.rdma.bandwidthGBps=100')).to.equal(undefined);
    expect(told('prefill', 'era=apr25', 'hardware.ports.rdma.bandwidthGBps=100')).to.equal(undefined);
    expect(told('prefill', 'hardware.ports.rdma.bandwidthGBps=10'), 'binds now').to.equal(undefined);
    const pipeline = told('train', 'hardware.ports.rdma.bandwidthGBps=100', 'pipelineCommunication=true');
    expect(pipeline, 'its pipeline').to.equal(undefined);
    expect(told('train')).to.equal(undefined);
    expect(told('train', 'hardware.ports.rdma.latencyNs=1')).to.equal(undefined);
  });
});
