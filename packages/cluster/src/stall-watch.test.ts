import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { StallWatch } from './stall-watch.js';

describe('the stall watch', () => {
  it('tells once when nothing moves', async () => {
    let stalls = 0;
    const watch = new StallWatch(
      0.1,
      () => 7,
      () => stalls++,
    );
    await delay(500);
    watch.end();
    expect(stalls).to.equal(1);
  });

  it('is silent while something moves, and once ended', async () => {
    let stalls = 0;
    let moves = 0;
    const watch = new StallWatch(
      0.2,
      () => moves++,
      () => stalls++,
    );
    await delay(500);
    watch.end();
    await delay(300);
    expect([stalls, moves > 3]).to.deep.equal([0, true]);
  });

  it('does not count time in which this process itself was busy', async () => {
    let stalls = 0;
    let moves = 0;
    const watch = new StallWatch(
      0.4,
      () => moves,
      () => stalls++,
    );
    for (let i = 0; i < 3; i++) {
      const until = performance.now() + 600;
      while (performance.now() < until);
      await delay(1);
      moves++;
      await delay(150);
    }
    watch.end();
    expect(stalls).to.equal(0);
  });
});
