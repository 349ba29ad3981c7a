import { InvariantError } from '@epemu/core';
import { expect } from 'chai';
import { failure } from '../fixtures.test-helper.js';
import { EventQueue, TimingEvent } from './event-queue.js';
import type { Activity } from './event-queue.js';

describe('EventQueue', () => {
  function* say<T>(event: TimingEvent<T>, heard: T[]): Activity<T> {
    const value = yield* event.value();
    heard.push(value);
    return value;
  }

  it('lets activities go on when what they wait for happens, before or after they ask', async () => {
    const queue = new EventQueue();
    const [early, late] = [new TimingEvent<string>(), new TimingEvent<string>()];
    const heard: string[] = [];
    queue.happen(early, 'early');
    const ends = [early, late, late].map((event) => queue.start(say(event, heard)));
    queue.advance();
    expect(heard).to.deep.equal(['early']);
    queue.happen(late, 'late');
    expect(heard).to.deep.equal(['early', 'late', 'late']);
    expect(ends.every(({ happened }) => happened)).to.equal(true);
    await queue.ended;
  });

  it('ends when the last activity has, those started by others included', async () => {
    const queue = new EventQueue();
    const event = new TimingEvent<number>();
    const heard: number[] = [];
    queue.start(
      (function* (): Activity<void> {
        const both = [queue.start(say(event, heard)), queue.start(say(event, heard))];
        for (const end of both) heard.push(10 * (yield* end.value()));
      })(),
    );
    let ended = false;
    void queue.ended.then(() => (ended = true));
    queue.advance();
    await Promise.resolve();
    expect(ended).to.equal(false);
    queue.happen(event, 1);
    await queue.ended;
    expect(heard).to.deep.equal([1, 1, 10, 10]);
  });

  it('never goes into an activity that is going on: what it makes happen has its turn after it', () => {
    const queue = new EventQueue();
    const event = new TimingEvent<number>();
    const heard: (number | string)[] = [];
    queue.start(say(event, heard));
    queue.start(
      (function* (): Activity<void> {
        queue.happen(event, 1);
        heard.push('still here');
        yield* event.value();
      })(),
    );
    queue.advance();
    expect(heard).to.deep.equal(['still here', 1]);
  });

  it('takes in promises of the host, and fails where they do', async () => {
    const queue = new EventQueue();
    const heard: number[] = [];
    queue.start(say(queue.outside(Promise.resolve(4)), heard));
    queue.advance();
    await queue.ended;
    expect(heard).to.deep.equal([4]);
    const broken = new EventQueue();
    broken.start(say(broken.outside(Promise.reject(new Error('a worker died'))), heard));
    broken.advance();
    expect(await failure(() => broken.ended)).to.equal('a worker died');
  });

  it('fails with what an activity throws first, and lets nothing go on', async () => {
    const queue = new EventQueue();
    const event = new TimingEvent<number>();
    const heard: number[] = [];
    queue.start(say(event, heard));
    queue.start(
      (function* (): Activity<void> {
        throw new InvariantError('this is wrong');
      })(),
    );
    queue.advance();
    queue.fail(new Error('and so is this'));
    queue.happen(event, 1);
    expect(await failure(() => queue.ended)).to.equal('this is wrong');
    expect(heard).to.deep.equal([]);
  });

  it('lets nothing happen twice', () => {
    const queue = new EventQueue();
    const event = new TimingEvent<number>();
    queue.happen(event, 1);
    expect(() => {
      queue.happen(event, 1);
    }).to.throw(InvariantError, 'happened twice');
  });
});
