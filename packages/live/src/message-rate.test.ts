import { expect } from 'chai';
import { MessageRate } from './message-rate.js';

describe('the rate of messages', () => {
  it('is over the last three seconds, of all workers together', () => {
    const rate = new MessageRate();
    expect(rate.take(0)).to.equal(undefined);
    rate.note(0, 100);
    rate.note(1, 100);
    expect(rate.take(1000)).to.deep.equal({ sent: 200, perSecond: 200 });
    rate.note(0, 1000);
    expect(rate.take(4000)).to.deep.equal({ sent: 1100, perSecond: 300 });
    expect(rate.take(7000)).to.deep.equal({ sent: 1100, perSecond: 0 });
    expect(rate.take(7100)).to.equal(undefined);
  });

  it('is nothing once the ranks have ended', () => {
    const rate = new MessageRate();
    rate.take(0);
    rate.note(0, 10);
    expect(rate.take(100)?.perSecond).to.equal(100);
    expect(rate.stop()).to.deep.equal({ sent: 10, perSecond: 0 });
    expect(rate.stop()).to.equal(undefined);
  });
});
