import { expect } from 'chai';
import { sentBytes } from './split-sizes.js';

const GROUP = { 'Process Group Ranks': '[4, 6]', dtype: 'BFloat16' };

describe('bytes that a kernel’s args tell of', () => {
  it('are elements times their size, by rank of the process group', () => {
    const sent = sentBytes({ ...GROUP, 'In split size': '[10, 20]' });
    expect([...sent!]).to.deep.equal([0, 0, 0, 0, 20, 0, 40]);
  });

  it('are the exact ones of an emulated trace where it has them', () => {
    const sent = sentBytes({ ...GROUP, 'In split size': '[1, ...]', 'bytes to': [0, 7, 9] });
    expect([...sent!]).to.deep.equal([0, 7, 9]);
  });

  it('are unknown where a list is cut, does not fit the group, or has what is no number of bytes', () => {
    expect(sentBytes({ ...GROUP, 'In split size': '[10, ...]' })).to.equal(undefined);
    expect(sentBytes({ ...GROUP, 'In split size': '[10, 20, 30]' })).to.equal(undefined);
    expect(sentBytes({ ...GROUP, 'In split size': '[1, ...]', 'bytes to': [0, -7] })).to.equal(undefined);
    expect(sentBytes({ ...GROUP, 'In split size': '[1, 2]', 'Process Group Ranks': '[0, 9999999999]' })).to.equal(
      undefined,
    );
  });
});
