import { resolveConfiguration } from '@epemu/config';
import { expect } from 'chai';
import { runLocally } from './support/local-run.js';

/** How much faster a prompt's tokens are as two overlapped micro-batches than as one, in prefill. */
async function gain(tokens: number, settings: readonly string[] = []): Promise<number> {
  const spanNs = async (overlap: string): Promise<number> => {
    const { timelines } = await runLocally(
      resolveConfiguration({
        scenario: 'prefill',
        flags: { ranks: 16, layers: 4, threads: 1, fabric: 'memory', overlap, payload: { kind: 'none' } },
        settings: [`promptLengths=[${tokens}]`, 'jitter=0', ...settings],
      }),
    );
    return Math.max(...timelines.map(({ events }) => events.column('endNs').reduce((end, ns) => Math.max(end, ns), 0)));
  };
  return (await spanNs('none')) / (await spanNs('full'));
}

describe('two micro-batches instead of one, in prefill', () => {
  it('gain less with fewer tokens, something at 2,048, and nothing at 256', async () => {
    const [many, some, few] = [await gain(4096), await gain(2048), await gain(256)];
    expect(some).to.be.above(1).and.below(many);
    expect(few).to.be.below(some).and.below(1);
  });

  it('would lose at 2,048 with what launching takes in training', async () => {
    expect(await gain(2048, ['hardware.host.eagerLaunchNs=43000'])).to.be.below(1);
  });
});
