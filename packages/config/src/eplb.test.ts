import { BadInputError } from '@epemu/core';
import { expect } from 'chai';
import { placedExperts } from './configuration.js';
import { eplbShapeOf, placementAt } from './eplb.js';
import { memoryOf } from './memory/index.js';
import { resolveConfiguration } from './resolve.js';
import type { ConfigurationSources } from './resolve.js';
import { rolesOf } from './roles.js';

const resolve = (flags: Readonly<Record<string, unknown>>, more: Partial<ConfigurationSources> = {}) =>
  resolveConfiguration({ scenario: 'decode', flags: { ranks: 32, ...flags }, ...more });

function refusalOf(run: () => unknown): BadInputError {
  try {
    run();
  } catch (error) {
    if (error instanceof BadInputError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('EPLB in a configuration', () => {
  it('is off by default, and a parameter of it alone turns it on', () => {
    expect(resolve({}).eplb).to.equal(undefined);
    expect(resolve({ eplb: true })).to.include({ eplb: true });
    expect(resolve({ redundantExperts: 32 })).to.include({ eplb: true, redundantExperts: 32 });
    expect(resolve({ eplbPolicy: 'global' }).eplb).to.equal(true);
    expect(resolve({}, { environment: { EPEMU_EPLB: '1' } }).eplb).to.equal(true);
    expect(resolve({}, { environment: { EPEMU_REDUNDANT_EXPERTS: '32' } }).redundantExperts).to.equal(32);
  });

  it('is turned off, with its parameters, by a stronger source, and on again by a parameter', () => {
    const scenario = { scenario: 'decode', ranks: 32, eplb: true, redundantExperts: 32 };
    const off = resolveConfiguration({ scenario, flags: { eplb: false } });
    expect(off).to.include({ eplb: false });
    expect(off.redundantExperts).to.equal(undefined);
    const on = resolveConfiguration({ scenario: { ...scenario, eplb: false }, flags: { redundantExperts: 64 } });
    expect(on).to.include({ eplb: true, redundantExperts: 64 });
  });

  for (const { what, flags, settings, key, says } of [
    {
      what: 'contradicts itself',
      flags: { redundantExperts: 32 },
      settings: ['eplb=false'],
      key: 'redundantExperts',
      says: 'eplb is off',
    },
    {
      what: 'has replicas that do not divide',
      flags: { redundantExperts: 31 },
      key: 'redundantExperts',
      says: 'use 32',
    },
    { what: 'has ranks that need replicas', flags: { ranks: 144 }, key: 'ranks', says: '--redundant-experts 32' },
    { what: 'has a negative number of them', flags: { redundantExperts: -32 }, key: 'redundantExperts', says: '-32' },
    { what: 'has an unknown policy', flags: { eplbPolicy: 'best' }, key: 'eplbPolicy', says: 'hierarchical' },
    { what: 'is no switch', flags: { eplb: 'perhaps' }, key: 'eplb', says: 'perhaps' },
    {
      what: 'cannot be hierarchical',
      flags: { ranks: 128, eplbPolicy: 'hierarchical' },
      key: 'eplbPolicy',
      says: '16 nodes',
    },
  ]) {
    it(`is refused where it ${what}`, () => {
      const error = refusalOf(() => resolve(flags, settings === undefined ? {} : { settings }));
      expect(error.message).to.include(key).and.to.include(says);
    });
  }

  it('keeps groups on nodes where these divide them, unless it is told not to', () => {
    const shapeOf = (flags: Readonly<Record<string, unknown>>) => {
      const configuration = resolve({ eplb: true, ...flags });
      return eplbShapeOf(configuration, rolesOf(configuration)[0].group);
    };
    expect(shapeOf({})).to.deep.equal({ replicas: 256, groups: 8, nodes: 4, gpus: 32 });
    expect(shapeOf({ eplbPolicy: 'global' })).to.deep.equal({ replicas: 256, groups: 1, nodes: 1, gpus: 32 });
    expect(shapeOf({ ranks: 144, redundantExperts: 32 })).to.deep.equal({
      replicas: 288,
      groups: 1,
      nodes: 1,
      gpus: 144,
    });
  });

  it('gives replicas by the loads of the run: a law’s, and those that are counted where scores decide', () => {
    for (const routing of ['skewed', 'biased'] as const) {
      const configuration = resolve({ routing, redundantExperts: 32 });
      const { plan } = placementAt(configuration, rolesOf(configuration)[0].group, 0)!;
      const replicated = plan.replicaCount.filter((count) => count > 1);
      expect(replicated.length).to.be.greaterThan(0);
      expect(plan.gpuLoadAfter.reduce((most, load) => Math.max(most, load), 0)).to.be.lessThan(
        plan.gpuLoadBefore.reduce((most, load) => Math.max(most, load), 0),
      );
    }
  });

  it('holds the weights of replicas in a GPU’s memory', () => {
    const [plain, replicated] = [resolve({}), resolve({ redundantExperts: 32 })];
    expect(placedExperts(replicated)).to.equal(288);
    expect(memoryOf(replicated).gigabytes.expertWeights / memoryOf(plain).gigabytes.expertWeights).to.be.closeTo(
      9 / 8,
      1e-3,
    );
  });
});
