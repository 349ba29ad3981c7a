import { expect } from 'chai';
import fc from 'fast-check';
import { causalPairs, microBatchesOf, splitPrompts } from './workload.js';
import type { MicroBatch } from './workload.js';

/** Every (prompt, position) of a micro-batch. */
function positionsOf(batch: MicroBatch): string[] {
  return batch.pieces.flatMap(({ prompt, start, length }) =>
    Array.from({ length }, (_, i) => `${prompt}:${start + i}`),
  );
}

/** Pairs of (query, key), counted one by one. */
function countedPairs(batch: MicroBatch): number {
  return batch.pieces.reduce((sum, { start, length }) => {
    let pairs = 0;
    for (let i = 0; i < length; i++) pairs += start + i + 1;
    return sum + pairs;
  }, 0);
}

const PROMPTS = fc.array(fc.integer({ min: 1, max: 120 }), { minLength: 1, maxLength: 12 });

describe('splitPrompts', () => {
  it('cuts nothing where 2 + 2 prompts are equal already', () => {
    const batches = splitPrompts([4096, 4096, 4096, 4096]);
    expect(batches.map(({ pieces }) => pieces)).to.deep.equal([
      [2, 3].map((prompt) => ({ prompt, start: 0, length: 4096 })),
      [0, 1].map((prompt) => ({ prompt, start: 0, length: 4096 })),
    ]);
    expect(batches.map(({ tokens }) => tokens)).to.deep.equal([8192, 8192]);
    expect(batches.map(({ attentionPairs }) => attentionPairs)).to.deep.equal([16_781_312, 16_781_312]);
  });

  it('gives the prefix of a cut prompt to micro-batch 1', () => {
    // 100 tokens have 5050 pairs; 71 of them 2556, 70 of them 2485: 2556 is nearer to the half, 2525.
    const [second, first] = splitPrompts([100]);
    expect(first.pieces).to.deep.equal([{ prompt: 0, start: 0, length: 71 }]);
    expect(second.pieces).to.deep.equal([{ prompt: 0, start: 71, length: 29 }]);
    expect([first.attentionPairs, second.attentionPairs]).to.deep.equal([2556, 2494]);
  });

  it('keeps every position of every prompt exactly once', () => {
    fc.assert(
      fc.property(PROMPTS, (lengths) => {
        const batches = splitPrompts(lengths);
        const expected = lengths.flatMap((length, prompt) =>
          Array.from({ length }, (_, position) => `${prompt}:${position}`),
        );
        expect(batches.flatMap(positionsOf).sort()).to.deep.equal(expected.sort());
        expect(batches.map(({ tokens }) => tokens)).to.deep.equal(batches.map((batch) => positionsOf(batch).length));
      }),
    );
  });

  it('makes the attention work equal within the pairs of one token, and counts it right', () => {
    fc.assert(
      fc.property(PROMPTS, (lengths) => {
        const [a, b] = splitPrompts(lengths);
        for (const batch of [a, b]) expect(batch.attentionPairs).to.equal(countedPairs(batch));
        expect(Math.abs(a.attentionPairs - b.attentionPairs)).to.be.at.most(Math.max(...lengths));
      }),
    );
  });

  it('cuts at most one prompt', () => {
    fc.assert(
      fc.property(PROMPTS, (lengths) => {
        const cut = splitPrompts(lengths).flatMap(({ pieces }) => pieces.filter(({ start }) => start > 0));
        expect(cut.length).to.be.at.most(1);
      }),
    );
  });
});

describe('causalPairs', () => {
  it('is what a prompt has less what its prefix has', () => {
    fc.assert(
      fc.property(fc.nat(100_000), fc.nat(100_000), (start, length) => {
        expect(causalPairs(start, length)).to.equal(causalPairs(0, start + length) - causalPairs(0, start));
      }),
    );
  });
});

describe('microBatchesOf', () => {
  const inference = { family: 'inference', kvLength: 4096, steps: 1, tokensPerMicrobatch: 128 } as const;

  it('gives each micro-batch of a decode its tokens, and one that is alone both', () => {
    const two = microBatchesOf({ ...inference, schedule: { microBatches: 2 } });
    const one = microBatchesOf({ ...inference, schedule: { microBatches: 1 } });
    expect(two.map(({ tokens, attentionPairs }) => [tokens, attentionPairs])).to.deep.equal([
      [128, 524_288],
      [128, 524_288],
    ]);
    expect(one.map(({ tokens, attentionPairs }) => [tokens, attentionPairs])).to.deep.equal([[256, 1_048_576]]);
  });

  it('leaves prompts whole where one micro-batch takes all', () => {
    const source = { family: 'inference', kvLength: 4096, steps: 1, promptLengths: [100, 50] } as const;
    const [batch] = microBatchesOf({ ...source, schedule: { microBatches: 1 } });
    expect([batch.tokens, batch.attentionPairs]).to.deep.equal([150, 6325]);
  });

  it('gives both micro-batches of a training a sequence of their own', () => {
    const source = { family: 'training', kvLength: 4096, steps: 1, tokensPerMicrobatch: 10 } as const;
    const batches = microBatchesOf({ ...source, schedule: { microBatches: 2 } });
    expect(batches.map(({ attentionPairs }) => attentionPairs)).to.deep.equal([55, 55]);
  });
});
