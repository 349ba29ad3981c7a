import { expect } from 'chai';
import { sentBytes } from './split-sizes.js';

const ALL_TO_ALL = {
  'In split size': '[0, 3, 1]',
  'In msg nelems': 4 * 7168,
  'Process Group Ranks': '[4, 5, 12]',
  dtype: 'BFloat16',
};

describe('bytes that a kernel’s args tell of', () => {
  it('are those of rows as long as the elements say, by the ranks of the group', () => {
    const sent = sentBytes(ALL_TO_ALL)!;
    expect(sent).to.have.length(13);
    expect([4, 5, 12].map((rank) => sent[rank])).to.deep.equal([0, 3 * 7168 * 2, 7168 * 2]);
  });

  it('are those of the sizes themselves where these count elements', () => {
    const bytes = sentBytes({ ...ALL_TO_ALL, 'In msg nelems': 4, dtype: 'Float8_e4m3fn' });
    expect([4, 5, 12].map((rank) => bytes![rank])).to.deep.equal([0, 3, 1]);
  });

  it('are none where nothing is sent', () => {
    const bytes = sentBytes({ ...ALL_TO_ALL, 'In split size': '[0, 0, 0]', 'In msg nelems': 0 });
    expect(bytes!.every((value) => value === 0)).to.equal(true);
  });

  it('are the exact ones of an emulated trace where it has them', () => {
    const exact = { ...ALL_TO_ALL, 'In split size': '[1, ...]', 'bytes to': [0, 7, 9] };
    expect([...sentBytes(exact)!]).to.deep.equal([0, 7, 9]);
    expect(sentBytes({ ...exact, 'bytes to': [0, -7] })).to.equal(undefined);
  });

  for (const [what, change] of [
    ['a list is cut', { 'In split size': '[0, 3, ...]' }],
    ['a list is empty', { 'In split size': '[]' }],
    ['lists are of two lengths', { 'Process Group Ranks': '[4, 5]' }],
    ['the type is unknown', { dtype: 'Complex' }],
    ['the type is none', { dtype: 7 }],
    ['a list is none', { 'In split size': [1, 2, 3] }],
    ['a rank is beyond any cluster', { 'Process Group Ranks': '[4, 5, 4000000000]' }],
  ] as const) {
    it(`are unknown where ${what}`, () => {
      expect(sentBytes({ ...ALL_TO_ALL, ...change })).to.equal(undefined);
    });
  }
});
