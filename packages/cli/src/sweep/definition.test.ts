import { BadInputError } from '@epemu/core';
import { pointsOf } from '@epemu/experiments';
import { expect } from 'chai';
import { pointConfiguration } from '../commands/advise.js';
import { readySweeps, sweepDefinition } from './definition.js';
import { Judge } from './judge.js';

describe('a ready sweep', () => {
  for (const name of readySweeps()) {
    it(`has points that can be, and asks for figures that they have: ${name}`, () => {
      const definition = sweepDefinition(name, {});
      expect(definition.title).not.to.equal('');
      const points = pointsOf(definition.axes);
      for (const values of points) {
        const settings = definition.axes.map(({ key }, index) => `${key}=${values[index]}`);
        const set = [...definition.settings, ...settings];
        const configuration = pointConfiguration(definition.scenario, { set });
        if (values === points[0]) new Judge(definition).check(configuration);
      }
    });
  }
});

describe('what is asked of a sweep', () => {
  it('is what its file says unless flags say otherwise', () => {
    const plain = sweepDefinition('batch-overlap', {});
    expect(plain.objective).to.deep.equal({ figure: 'throughput', direction: 'maximize' });
    expect(plain.under.map(({ text }) => text)).to.deep.equal(['tpot<=100ms']);
    const changed = sweepDefinition('batch-overlap', { over: ['batch=64'], minimize: 'tpot', under: ['tpot=50ms'] });
    expect(changed.axes.map(({ key, values }) => [key, values.length])).to.deep.equal([
      ['overlap', 2],
      ['tokensPerMicrobatch', 1],
    ]);
    expect(changed.objective.direction).to.equal('minimize');
    expect(changed.under[0]).to.deep.include({ name: 'tpot', operator: '<=' });
  });

  it('is refused where it contradicts itself, or says nothing', () => {
    for (const flags of [{ minimize: 'layer', maximize: 'tpot' }, { under: ['tpot'] }]) {
      expect(() => sweepDefinition('nic', flags)).to.throw(BadInputError);
    }
    expect(() => sweepDefinition('decode', {})).to.throw('nothing is swept');
  });
});
