import { resolveConfiguration } from '@epemu/config';
import { expect } from 'chai';
import { Command } from 'commander';
import { addConfigurationFlags, configurationFlags, settingsOf } from './options.js';

/** What commander makes of arguments. */
function parsed(...args: string[]): Record<string, unknown> {
  const command = addConfigurationFlags(new Command('run')).argument('[scenario]').exitOverride();
  return command.parse(args, { from: 'user' }).opts();
}

describe('configuration flags', () => {
  it('become the values of their keys', () => {
    const flags = configurationFlags(
      parsed('--ranks', '8', '--routing', 'biased', '--tokens-per-microbatch', '64', '--ranks-per-worker', '2'),
    );
    expect(flags).to.deep.equal({ ranks: 8, routing: 'biased', tokensPerMicrobatch: 64, ranksPerWorker: 2 });
    expect(configurationFlags(parsed('--prompt-lengths', '6000,2000,x'))).to.deep.equal({
      promptLengths: [6000, 2000, 'x'],
    });
    expect(configurationFlags(parsed())).to.deep.equal({});
  });

  it('change the kind of the payload and leave its size', () => {
    const flags = configurationFlags(parsed('--payload', 'none'));
    expect(flags).to.deep.equal({ payload: { kind: 'none' } });
    const sources = { scenario: 'decode', flags };
    expect(resolveConfiguration(sources).payload).to.deep.equal({ kind: 'none', hidden: 16 });
    expect(resolveConfiguration({ ...sources, settings: ['payload.hidden=64'] }).payload).to.deep.equal({
      ...{ kind: 'none', hidden: 64 },
    });
  });

  it('take --set as often as it comes, in order', () => {
    expect(settingsOf(parsed('--set', 'a=1', '--seed', '2', '--set', 'b=2'))).to.deep.equal(['a=1', 'b=2']);
    expect(settingsOf(parsed())).to.deep.equal([]);
  });

  it('set the bandwidth of links by one key each, before what --set says of it', () => {
    const settings = settingsOf(parsed('--set', 'seed=3', '--nvlink-gbps', '450', '--nic-gbps', '100'));
    expect(settings).to.deep.equal([
      ...['hardware.ports.rdma.bandwidthGBps=100', 'hardware.ports.nvlink.bandwidthGBps=450'],
      'seed=3',
    ]);
    const { ports } = resolveConfiguration({ scenario: 'decode', settings }).hardware;
    expect([ports.rdma.bandwidthGBps, ports.nvlink.bandwidthGBps]).to.deep.equal([100, 450]);
    expect(() => settingsOf(parsed('--nic-gbps', 'fast'))).to.throw(
      '--nic-gbps is fast; give GB/s above 0, such as 100',
    );
  });

  it('refuse a data sheet set behind what it scales, and name the key that acts', () => {
    const set = (setting: string) => () => resolveConfiguration({ scenario: 'decode', settings: [setting] });
    expect(set('hardware.dataSheet.rdmaGBps=100')).to.throw(/a data sheet scales presets .*; set .*, or --nic-gbps$/);
    expect(set('hardware.dataSheet.nvlinkGBps=9')).to.throw(/; set .*, or --nvlink-gbps$/);
    expect(set('hardware.dataSheet.memoryGBps=9')).to.throw(/; give a preset file with base and dataSheet /);
  });
});
