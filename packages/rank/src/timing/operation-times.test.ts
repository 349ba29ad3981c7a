import { expect } from 'chai';
import { OperationTimes } from './operation-times.js';

describe('OperationTimes', () => {
  it('give a time that was told at once, also 0', () => {
    const times = new OperationTimes(3);
    times.tell(1, 0);
    times.tell(2, 5);
    expect([times.of(1), times.of(2)]).to.deep.equal([0, 5]);
  });

  it('let all who came before the time wait for it, and nobody else', async () => {
    const times = new OperationTimes(2);
    const [first, second] = [times.of(0), times.of(0)];
    times.tell(1, 9);
    times.tell(0, 7);
    expect([await first, await second, times.of(0)]).to.deep.equal([7, 7, 7]);
  });
});
