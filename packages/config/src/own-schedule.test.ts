import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BadInputError } from '@epemu/core';
import { expect } from 'chai';
import { resolveConfiguration } from './resolve.js';
import { readScenarioFile } from './sources.js';
import type { PlainObject } from './sources.js';

const KERNEL = { name: 'k', category: 'c', kind: 'fp8-cast', bytes: 1000, grid: [1, 1, 1], block: [1, 1, 1] };
const OWN: PlainObject = {
  scenario: 'decode',
  overlap: 'full',
  ranks: 8,
  schedule: {
    layerMarker: 'A',
    microBatches: 1,
    computeSms: 'all',
    communicationSms: 0,
    streams: { compute: { id: 7, name: 'compute' } },
    phases: [{ name: 'A', stream: 'compute', kernels: 'mine' }],
  },
  kernels: { mine: [KERNEL] },
};

/** @returns the refusal of what a scenario file would hold. */
function refused(scenario: PlainObject): string {
  try {
    resolveConfiguration({ scenario });
  } catch (error) {
    expect(error).to.be.instanceOf(BadInputError);
    return (error as Error).message;
  }
  throw new Error('nothing was refused');
}

describe('a schedule of one’s own', () => {
  it('is refused where it is no mapping, rather than left for the built-in one', () => {
    for (const schedule of ['hello', 5, null, [], false]) {
      const begin = `schedule is ${JSON.stringify(schedule)}, but it must be a mapping; `;
      expect(refused({ scenario: 'decode', schedule })).to.contain(begin);
    }
  });

  it('is refused with 0 SMs in words that 0 does not satisfy', () => {
    const schedule = { ...(OWN['schedule'] as PlainObject), computeSms: 0 };
    expect(refused({ ...OWN, schedule })).to.equal('schedule.computeSms is 0, but it must be more than 0');
  });

  it('is refused with a lag that is neither a number nor -layers', () => {
    const phases = [{ name: 'A', stream: 'compute', kernels: 'mine', lag: 'late' }];
    const schedule = { ...(OWN['schedule'] as PlainObject), phases };
    const message = 'schedule.phases.0.lag is "late", but it must be a whole number or "-layers"';
    expect(refused({ ...OWN, schedule })).to.equal(message);
  });

  it('is refused with a list of kernels that none of its phases names, unless built in', () => {
    expect(refused({ ...OWN, kernels: { mine: [KERNEL], mien: [KERNEL] } })).to.equal(
      'kernels.mien is named by no phase of the schedule, whose lists are mine; did you mean mine?',
    );
    expect(refused({ ...OWN, kernels: { mine: [KERNEL], 'something else': 5 } })).to.match(/remove it or name one of/);
    const kernels = { mine: [KERNEL], 'prefill-MLP': [KERNEL] };
    expect(resolveConfiguration({ scenario: { ...OWN, kernels } }).kernels).to.have.all.keys('mine');
  });

  it('may give way to the built-in one of another overlap, with its lists', () => {
    const scenario = { ...resolveConfiguration({ scenario: OWN }) };
    const none = resolveConfiguration({ scenario, flags: { overlap: 'none' } });
    expect(none.schedule).to.deep.equal(
      resolveConfiguration({ scenario: 'decode', flags: { overlap: 'none' } }).schedule,
    );
  });
});

describe('a scenario file', () => {
  it('is refused by name where aliases multiply or lead nowhere', () => {
    const folder = mkdtempSync(join(tmpdir(), 'epemu-yaml-'));
    const path = join(folder, 'bad.yaml');
    const doubled = Array.from({ length: 9 }, (_, i) => `k${i + 1}: &k${i + 1} [${`*k${i},`.repeat(9)}]`);
    try {
      for (const text of [`k0: &k0 [x]\n${doubled.join('\n')}\n`, 'a: *b\n']) {
        writeFileSync(path, text);
        expect(() => readScenarioFile(path)).to.throw(BadInputError, /bad\.yaml/);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('shows a number that is not finite as what it is', () => {
    expect(refused({ scenario: 'decode', jitter: Infinity })).to.match(/^jitter is Infinity, but/);
    expect(refused({ scenario: 'decode', ranks: NaN })).to.match(/^ranks is NaN, but/);
  });
});
