import { expect } from 'chai';
import { memoryOfSides } from './memory.js';
import { besidesTraces } from './report-side.js';

function memory(kvCache: number, kvPrecision = 'fp8'): ReturnType<typeof besidesTraces>['memory'] {
  const gigabytes = { expertWeights: 5, gradients: 0, kvCache, total: 5 + kvCache, capacity: 84.9 };
  return besidesTraces({
    schema: 'epemu-report/1',
    memory: { fits: true, gigabytes, largest: 'kvCache', kvPrecision },
  }).memory;
}

describe('the memory of two sides', () => {
  it('stands part by part, without those that neither has, and ends with the sum and what a GPU has', () => {
    const parts = memoryOfSides({ memory: memory(36.9) }, { memory: memory(20) });
    expect(parts.map(({ part, differenceGB }) => [part, differenceGB])).to.deep.equal([
      ['expert weights', 0],
      ['KV cache (fp8)', -16.9],
      ['together', -16.9],
      ['of a GPU', 0],
    ]);
  });

  it('names no precision of a KV cache where the two differ', () => {
    const parts = memoryOfSides({ memory: memory(36.9) }, { memory: memory(73.8, 'bf16') });
    expect(parts.map(({ part }) => part)).to.include('KV cache');
  });

  it('has one side alone where only that tells, and nothing where neither does', () => {
    const [experts] = memoryOfSides({ memory: null }, { memory: memory(1) });
    expect(experts).to.deep.equal({ part: 'expert weights', aGB: null, bGB: 5, differenceGB: null });
    expect(
      memoryOfSides({ memory: null }, { memory: besidesTraces({ schema: 'epemu-report/1' }).memory }),
    ).to.deep.equal([]);
  });
});
