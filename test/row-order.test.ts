import { expect } from 'chai';
import { BadInputError } from '@epemu/core';
import { buildProgram } from '@epemu/schedule';
import { small } from './support/configuration.js';
import { runLocally } from './support/local-run.js';

describe('what follows the rows that experts received', () => {
  it('is the same with one rank, where nobody has to be waited for, on one thread and on two', async () => {
    const digests = new Set<string>();
    for (const threads of [1, 2, 1, 2]) {
      digests.add((await runLocally(small('decode', { ranks: 1, ranksPerWorker: 1, threads }))).digest);
    }
    expect(digests.size).to.equal(1);
  });

  it('takes the receive kernel of a decode the time of its rows', async () => {
    const { program, timelines } = await runLocally(small('decode'));
    const { events } = timelines[0];
    const [kernels, starts, ends] = (['kernel', 'startNs', 'endNs'] as const).map((name) => events.column(name));
    const least = { ns: Number.POSITIVE_INFINITY };
    kernels.forEach((kernel, i) => {
      if (program.kernels[kernel].name.includes('dispatch_recv')) least.ns = Math.min(least.ns, ends[i] - starts[i]);
    });
    expect(least.ns).to.be.within(100, 1e9);
  });

  it('is refused where no gate puts the dispatch before it', () => {
    const configuration = small('prefill');
    const phases = configuration.schedule.phases.map((phase) =>
      phase.name === 'MLP(0)' ? { ...phase, after: ['ATTN(0)'] } : phase,
    );
    const loose = { ...configuration, schedule: { ...configuration.schedule, phases } };
    expect(() => buildProgram(loose)).to.throw(BadInputError, 'MLP(0) of layer 0 follows the rows of a dispatch');
  });
});
