import { expect } from 'chai';
import fc from 'fast-check';
import { parseAxis } from './axis.js';
import { isBetter, search } from './search.js';
import type { Score } from './search.js';

/** Asks a function for scores and counts how often. */
function asking(scoreOf: (point: readonly number[]) => Score): {
  readonly scores: (points: readonly (readonly string[])[]) => Promise<Score[]>;
  readonly asked: Set<string>;
} {
  const asked = new Set<string>();
  const scores = (points: readonly (readonly string[])[]): Promise<Score[]> => {
    for (const point of points) asked.add(point.join());
    return Promise.resolve(points.map((point) => scoreOf(point.map(Number))));
  };
  return { scores, asked };
}

describe('a search', () => {
  const axis = (name: string, most: number): ReturnType<typeof parseAxis> => parseAxis(`${name}=0..${most}`);

  it('finds the bottom of any valley of one parameter, in far fewer points than there are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 200 }), async (bottom) => {
        const { scores, asked } = asking(([x]) => ({ allowed: true, value: Math.abs(x - bottom) }));
        const [found] = await search([axis('a', 200)], scores, 1000);
        expect(found).to.equal(bottom);
        expect(asked.size).to.be.below(45);
      }),
    );
  });

  it('finds the largest that a limit allows', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 200 }), async (limit) => {
        const { scores } = asking(([x]) =>
          x <= limit ? { allowed: true, value: -x } : { allowed: false, value: x - limit },
        );
        expect(await search([axis('a', 200)], scores, 1000)).to.deep.equal([limit]);
      }),
    );
  });

  it('finds the bottom of a bowl of two parameters', async () => {
    const place = fc.integer({ min: 0, max: 40 });
    await fc.assert(
      fc.asyncProperty(place, place, async (a, b) => {
        const { scores } = asking(([x, y]) => ({ allowed: true, value: (x - a) ** 2 + 3 * (y - b) ** 2 }));
        expect(await search([axis('a', 40), axis('b', 40)], scores, 5000)).to.deep.equal([a, b]);
      }),
    );
  });

  it('asks for no more points than it may', async () => {
    const { scores, asked } = asking(([x]) => ({ allowed: true, value: x }));
    await search([axis('a', 500), axis('b', 500)], scores, 7);
    expect(asked.size).to.equal(7);
  });

  it('takes what is allowed for better than what is not', () => {
    expect(isBetter({ allowed: true, value: 9 }, { allowed: false, value: 1 })).to.equal(true);
    expect(isBetter({ allowed: false, value: 1 }, { allowed: true, value: 9 })).to.equal(false);
    expect(isBetter({ allowed: true, value: 1 }, { allowed: true, value: 2 })).to.equal(true);
  });
});
