import { resolveConfiguration } from '@epemu/config';
import { expect } from 'chai';
import { Command } from 'commander';
import { dryRunText, predict } from './dry-run.js';
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

describe('predict', () => {
  const flags = { ranks: 8, layers: 2, tokensPerMicrobatch: 32, ranksPerWorker: 4 };

  it('counts ranks, workers, tokens and bytes by hand', () => {
    const prediction = predict(resolveConfiguration({ scenario: 'decode', flags }));
    // 2 micro-batches × 32 tokens × 8 ranks; 8 rows each, dispatched at 7408 bytes and combined at 14336, in 2 layers.
    expect(prediction).to.include({ ranks: 8, nodes: 1, workers: 2, tokensPerLayer: 512, operationsPerRank: 32 });
    expect(prediction.modelledBytes).to.equal(512 * 8 * (7408 + 14_336) * 2);
    // Rows of 16 float32 there and back, and 20 bytes of routing.
    expect(prediction.payloadBytes).to.equal(512 * 8 * (2 * 16 * 4 + 20) * 2);
  });

  it('moves no payload but routing with --payload none, and takes one process in memory', () => {
    const configuration = resolveConfiguration({
      scenario: 'decode',
      flags: { ...flags, payload: { kind: 'none' }, fabric: 'memory' },
    });
    const prediction = predict(configuration);
    expect(prediction).to.include({ workers: 1, payloadBytes: 512 * 8 * 20 * 2 });
    expect(dryRunText(configuration, prediction)).to.include('8 on 1 nodes, in 1 worker processes');
  });
});
