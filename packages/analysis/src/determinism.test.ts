import { expect } from 'chai';
import fc from 'fast-check';
import { analyze } from './analyze.js';
import { SCENES, eventsOf } from './path/random-set.test-helper.js';
import { GEMM, kernel, traceText, withFiles } from './trace.test-helper.js';
import type { Files } from './trace.test-helper.js';

/** Ranks of a scene as files, of which some name no rank. */
function filesOf(scene: Parameters<typeof eventsOf>[0], named: boolean, ending = ''): Files {
  return Object.fromEntries(
    eventsOf(scene).map((events, rank) => {
      const all = [...events, kernel(GEMM, 7, 10_000, 1)];
      return [`${rank}.json${ending}`, traceText(named ? rank : undefined, all)];
    }),
  );
}

describe('an analysis', () => {
  it('is the same whatever the order of its paths, whether files name their rank or not', async () => {
    const scenes = SCENES.chain((scene) => {
      const places = Array.from({ length: scene.ranks }, (_, rank) => rank);
      const order = fc.shuffledSubarray(places, { minLength: scene.ranks });
      return fc.record({ scene: fc.constant(scene), order, named: fc.boolean() });
    });
    await fc.assert(
      fc.asyncProperty(scenes, async ({ scene, order, named }) => {
        await withFiles(filesOf(scene, named), async (folder) => {
          const sorted = await analyze([folder]);
          const shuffled = await analyze(order.map((rank) => `${folder}/${rank}.json`));
          expect(JSON.stringify(shuffled.analysis)).to.equal(JSON.stringify(sorted.analysis));
        });
      }),
      { numRuns: 40 },
    );
  });

  it('is the same of packed traces', async () => {
    await fc.assert(
      fc.asyncProperty(SCENES, async (scene) => {
        const texts = await Promise.all(
          ['', '.gz'].map((ending) =>
            withFiles(filesOf(scene, true, ending), async (folder) =>
              JSON.stringify((await analyze([folder])).analysis)
                .replaceAll(folder, '')
                .replaceAll('.json.gz', '.json'),
            ),
          ),
        );
        expect(texts[1]).to.equal(texts[0]);
      }),
      { numRuns: 30 },
    );
  });
});
