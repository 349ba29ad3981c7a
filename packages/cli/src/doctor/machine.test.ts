import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import { capacities, defaultRun, needsOf } from './capacity.js';
import { machineChecks, neededNode } from './machine.js';
import type { Machine } from './machine.js';

const NEEDS = needsOf(defaultRun());
const GOOD: Machine = {
  nodeVersion: '22.1.0',
  cores: 8,
  memoryBytes: 64e9,
  openFiles: 65_536,
  processes: Infinity,
  platform: 'linux',
  setpriv: '/usr/bin/setpriv',
  locale: 'en_GB.UTF-8',
};

/** Names of what is not well, and how bad it is. */
function told(changes: Partial<Machine>): string[] {
  return machineChecks({ ...GOOD, ...changes }, NEEDS)
    .filter(({ status }) => status !== 'ok')
    .map(({ name, status }) => `${name}: ${status}`);
}

describe('a machine held against the default run', () => {
  it('is well when it has what it takes', () => {
    expect(told({})).to.deep.equal([]);
    expect(told({ platform: 'darwin', setpriv: undefined, openFiles: Infinity })).to.deep.equal([]);
  });

  it('needs the version of Node that the whole project needs', () => {
    const root = new URL('../../../../package.json', import.meta.url);
    const { engines } = JSON.parse(readFileSync(root, 'utf8')) as { engines: { node: string } };
    expect(neededNode()).to.equal(engines.node);
    const versions = ['20.19.0', '20.20.2', '22.0.0', '20.18.9', '18.20.0', '9.99.0'];
    expect(versions.map((nodeVersion) => told({ nodeVersion }).length)).to.deep.equal([0, 0, 0, 1, 1, 1]);
    expect(told({ nodeVersion: '18.20.0' })).to.deep.equal(['Node: problem']);
  });

  it('has a problem exactly where less is there than the run needs', () => {
    const limits = [
      ['memory', 'memoryBytes'],
      ['open files', 'openFiles'],
      ['processes', 'processes'],
    ] as const;
    for (const [name, key] of limits) {
      expect(told({ [key]: NEEDS[key] }), name).to.deep.equal([]);
      expect(told({ [key]: NEEDS[key] - 1 }), name).to.deep.equal([`${name}: problem`]);
    }
  });

  it('is warned of what costs speed or comfort', () => {
    expect(told({ cores: 0.5, setpriv: undefined, locale: 'C' })).to.deep.equal([
      ...['cores: warning', 'setpriv: warning', 'terminal: warning'],
    ]);
  });

  it('is told a remedy for everything that is not well', () => {
    const bad = { ...GOOD, nodeVersion: '18.0.0', cores: 1, memoryBytes: 1, openFiles: 1, processes: 1, locale: '' };
    for (const { status, remedy } of machineChecks({ ...bad, setpriv: undefined }, NEEDS)) {
      expect(status).not.to.equal('ok');
      expect(remedy).to.match(/\w/);
    }
  });
});

describe('what a machine can run', () => {
  it('is every scenario at its published size, a process for each rank, where there is room', () => {
    expect(
      capacities(GOOD).map(({ scenario, ranks, ranksPerWorker }) => [scenario, ranks, ranksPerWorker]),
    ).to.deep.equal([
      ['decode', 128, 1],
      ['prefill', 32, 1],
      ['train', 64, 1],
    ]);
  });

  it('is fewer processes where files or memory are short, then fewer ranks, then nothing', () => {
    const decode = (changes: Partial<Machine>): unknown[] => {
      const { ranks, ranksPerWorker, workers } = capacities({ ...GOOD, ...changes })[0];
      return [ranks, ranksPerWorker, workers];
    };
    expect(decode({ openFiles: 256 })).to.deep.equal([128, 2, 64]);
    expect(decode({ memoryBytes: 1e9 })).to.deep.equal([128, 8, 16]);
    expect(decode({ memoryBytes: 100e6 })).to.deep.equal([128, 128, 1]);
    expect(decode({ memoryBytes: 60e6 })).to.deep.equal([8, 8, 1]);
    expect(decode({ memoryBytes: 1e6 })).to.deep.equal([0, undefined, 0]);
  });

  it('never becomes less with more of anything', () => {
    const amounts = { memoryBytes: fc.integer({ min: 1e6, max: 2e9 }), openFiles: fc.integer({ min: 1, max: 600 }) };
    const more = { memoryBytes: fc.nat(1e9), openFiles: fc.nat(300) };
    const size = ({
      ranks,
      ranksPerWorker = Infinity,
    }: {
      ranks: number;
      ranksPerWorker: number | undefined;
    }): number => ranks - 1 / (1 + 1 / ranksPerWorker);
    fc.assert(
      fc.property(fc.record(amounts), fc.record(more), (has, gets) => {
        const before = capacities({ ...GOOD, ...has });
        const after = capacities({
          ...GOOD,
          ...{ memoryBytes: has.memoryBytes + gets.memoryBytes, openFiles: has.openFiles + gets.openFiles },
        });
        before.forEach((capacity, i) => {
          expect(size(after[i])).to.be.at.least(size(capacity));
        });
      }),
      { numRuns: 10 },
    );
  });
});
