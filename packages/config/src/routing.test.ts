import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BadInputError } from '@epemu/core';
import { expect } from 'chai';
import type { Configuration } from './configuration.js';
import { parseConfiguration, resolveConfiguration } from './resolve.js';
import type { ConfigurationSources } from './resolve.js';
import { rolesOf } from './roles.js';
import { routingRequestOf } from './routing.js';

const folder = mkdtempSync(join(tmpdir(), 'epemu-routing-'));

/** @returns the path of a file of loads, whose layer l gives expert e the load `load(l, e)`. */
function loadsFile(layers: number, experts: number, load: (layer: number, expert: number) => number): string {
  const path = join(folder, `${layers}-${experts}.json`);
  writeFileSync(
    path,
    JSON.stringify(
      Array.from({ length: layers }, (_, layer) => Array.from({ length: experts }, (_, expert) => load(layer, expert))),
    ),
  );
  return path;
}

const resolve = (
  flags: Record<string, unknown>,
  settings: string[] = [],
  scenario: ConfigurationSources['scenario'] = 'decode',
): Configuration => resolveConfiguration({ scenario, flags: { ranks: 8, ...flags }, settings });

const refusal = (flags: Record<string, unknown>, settings: string[] = []): string => {
  try {
    resolve(flags, settings);
  } catch (error) {
    expect(error).to.be.instanceOf(BadInputError);
    return (error as BadInputError).message;
  }
  throw new Error('nothing was refused');
};

const loadsOf = (configuration: Configuration, layer: number, microBatch = 0): readonly number[] | undefined =>
  routingRequestOf(configuration, { layer, microBatch, member: 0, group: rolesOf(configuration)[0].group, tokens: 1 })
    .loads;

describe('keys of routing', () => {
  after(() => {
    rmSync(folder, { recursive: true });
  });

  it('are none of balanced, statistical and biased routing, and have defaults in the others', () => {
    for (const routing of ['balanced', 'statistical', 'biased']) {
      expect(resolve({ routing })).not.to.have.any.keys('routingSkew', 'biasDeviation', 'expertLoads');
    }
    expect(resolve({ routing: 'skewed' }).routingSkew).to.include({ law: 'zipf', exponent: 0.6, drift: 0 });
    expect(resolve({ routing: 'biased' }, ['biasDeviation=0.03']).biasDeviation).to.equal(0.03);
  });

  it('choose their kind of routing where none is named with them', () => {
    const path = loadsFile(4, 256, () => 1);
    expect(resolve({ expertLoads: path }).routing).to.equal('measured');
    expect(resolve({}, ['routingSkew.exponent=1.2'])).to.deep.include({ routing: 'skewed' });
    expect(resolve({}, ['biasDeviation=0.02']).routing).to.equal('biased');
    expect(resolve({}, [], { scenario: 'decode', routingSkew: { exponent: 2 } }).routingSkew?.exponent).to.equal(2);
  });

  it('give way to a stronger choice, so that a run’s config.json can be run with other routing', () => {
    const skewed = { ...resolve({ routing: 'skewed' }) };
    expect(resolve({}, [], skewed)).to.deep.equal(skewed);
    expect(parseConfiguration(JSON.parse(JSON.stringify(skewed)))).to.deep.equal(skewed);
    expect(resolve({ routing: 'balanced' }, [], skewed)).to.deep.equal(resolve({ routing: 'balanced' }));
    const measured = resolve({ expertLoads: loadsFile(4, 256, () => 1) }, [], skewed);
    expect(measured).not.to.have.property('routingSkew');
    expect(resolve({}, [], { ...measured })).to.deep.equal(measured);
    expect(resolve({ routing: 'biased' }, [], { ...measured })).not.to.have.property('expertLoads');
  });

  it('are refused where they cannot act', () => {
    expect(refusal({ routing: 'balanced', routingSkew: { exponent: 1 } })).to.match(
      /^routingSkew is given, but routing is balanced/,
    );
    expect(refusal({ routing: 'skewed' }, ['biasDeviation=0.1'])).to.match(
      /^biasDeviation is given, but routing is skewed/,
    );
    expect(refusal({ expertLoads: loadsFile(4, 256, () => 1) }, ['routing=balanced'])).to.match(
      /^expertLoads is given/,
    );
    expect(refusal({ routing: 'balanced' }, ['routingSkew.exponent=1'])).to.match(
      /^routingSkew is given, but routing is/,
    );
    expect(refusal({ routing: 'measured' })).to.match(
      /^routing is measured, but there are no loads; give --expert-loads/,
    );
    expect(refusal({ expertLoads: 7 })).to.match(/^expertLoads is 7; name a CSV or JSON file/);
    for (const [setting, says] of [
      ['routingSkew.exponent=-1', 'routingSkew.exponent is -1, but it must be at least 0'],
      ['routingSkew.law=normal', 'routingSkew.law is "normal", but it must be one of zipf, power'],
      ['routingSkew.drift=2', 'routingSkew.drift is 2, but it must be at most 1'],
      ['routingSkew.hotLayer=4', "routingSkew.hotLayer is 4, but the run's MoE layers are 0 to 3"],
      ['routingSkew.slope=1', 'there is no routingSkew.slope'],
      ['biasDeviation=-0.1', 'biasDeviation is -0.1, but it must be at least 0'],
    ] as const) {
      expect(refusal({}, [setting])).to.include(says);
    }
  });

  it('give layers the rows of a file: of MoE layers, or of all layers with the dense ones first', () => {
    const at = (layer: number, expert: number): number => 1000 * layer + expert + 1;
    const moe = resolve({ expertLoads: loadsFile(58, 256, at), layers: 61 });
    const all = resolve({ expertLoads: loadsFile(61, 256, at), layers: 61 });
    const few = resolve({ expertLoads: loadsFile(5, 256, at), layers: 4 });
    expect([moe, all, few].map((configuration) => loadsOf(configuration, 3)?.[0])).to.deep.equal([1, 3001, 3001]);
    // Layers that warm the run up have their neighbours' loads.
    expect([-1, 0, 4].map((layer) => loadsOf(few, layer)?.[9])).to.deep.equal([10, 10, 3010]);
  });

  it('refuse a file that does not fit the model, or the run', () => {
    expect(refusal({ expertLoads: loadsFile(4, 255, () => 1) })).to.match(
      /255\.json, line 1: layer 0 has 255 experts, but deepseek-v3 has 256; /,
    );
    expect(refusal({ expertLoads: loadsFile(2, 256, () => 1) })).to.match(
      /2-256\.json has loads of 2 MoE layers, but the run has 4; use --layers 2/,
    );
    expect(
      refusal({ expertLoads: loadsFile(4, 256, (layer, expert) => (layer === 2 && expert > 6 ? 0 : 1)) }),
    ).to.match(/layer 2 has 7 experts with a load above 0, but a token goes to 8/);
    const zeros = loadsFile(61, 256, (layer) => (layer < 3 ? 0 : 1));
    expect(resolve({ expertLoads: zeros }).routing).to.equal('measured');
  });

  it('give every step of a skew without drift the same loads, and others with it', () => {
    const still = resolve({ routing: 'skewed', steps: 3 });
    const drifting = resolve({ routing: 'skewed', steps: 3 }, ['routingSkew.drift=0.5']);
    // Two micro-batches a step: numbers 0 and 1 are of the first.
    expect(loadsOf(still, 0, 4)).to.deep.equal(loadsOf(still, 0, 0));
    expect(loadsOf(drifting, 0, 1)).to.deep.equal(loadsOf(drifting, 0, 0));
    expect(loadsOf(drifting, 0, 2)).not.to.deep.equal(loadsOf(drifting, 0, 0));
  });
});
