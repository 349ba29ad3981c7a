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
});
