import { setImmediate } from 'node:timers/promises';
import { expect } from 'chai';
import fc from 'fast-check';
import { Pace } from './pace.js';

/** @returns timers of this process that are set. */
function timers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
}

describe('a pace', () => {
  it('lets no row begin before its time', async () => {
    const rows = fc.array(fc.integer({ min: -1, max: 40 }), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(rows, async (asked) => {
        const pace = new Pace(1000);
        const before = performance.now();
        pace.start();
        const begun = async (row: number): Promise<number> => {
          await pace.row(row);
          return performance.now() - before;
        };
        const ages = await Promise.all(asked.map(begun));
        ages.forEach((age, i) => {
          expect(age).to.be.at.least(asked[i]);
        });
      }),
      { numRuns: 5 },
    );
  });

  it('that is none holds nobody back', async () => {
    const set = timers();
    const pace = new Pace(null);
    pace.start();
    const rows = Promise.all([pace.row(0), pace.row(1_000_000)]);
    expect(timers()).to.equal(set);
    await rows;
  });

  it('that has failed rejects who waits, even for weeks, and who comes later, and leaves no timer', async () => {
    // Mocha's own timer for this test is set once the test waits.
    await setImmediate();
    const set = timers();
    const pace = new Pace(1e-7);
    pace.start();
    await pace.row(0);
    const held = Promise.allSettled([pace.row(1), pace.row(1), pace.row(1000)]);
    await setImmediate();
    const waiting = timers();
    const error = new Error('enough');
    pace.fail(error);
    expect([waiting, timers()]).to.deep.equal([set + 3, set]);
    const later = Promise.allSettled([pace.row(0)]);
    for (const outcome of [...(await held), ...(await later)]) {
      expect(outcome).to.deep.equal({ status: 'rejected', reason: error });
    }
  });
});
