import { expect } from 'chai';
import { EventQueue } from './event-queue.js';
import type { Activity } from './event-queue.js';
import { OperationTimes } from './operation-times.js';

describe('OperationTimes', () => {
  function* listen(times: OperationTimes, operation: number, heard: number[]): Activity<void> {
    heard.push(yield* times.of(operation));
  }

  it('give a time that was told at once, also 0', () => {
    const queue = new EventQueue();
    const times = new OperationTimes(queue, 3);
    times.tell(1, 0);
    times.tell(2, 5);
    const heard: number[] = [];
    for (const operation of [1, 2]) queue.start(listen(times, operation, heard));
    queue.advance();
    expect(heard).to.deep.equal([0, 5]);
  });

  it('let all who came before the time wait for it, and nobody else', () => {
    const queue = new EventQueue();
    const times = new OperationTimes(queue, 2);
    const heard: number[] = [];
    for (const operation of [0, 0, 1]) queue.start(listen(times, operation, heard));
    queue.advance();
    expect(heard).to.deep.equal([]);
    times.tell(1, 9);
    expect(heard).to.deep.equal([9]);
    times.tell(0, 7);
    expect(heard).to.deep.equal([9, 7, 7]);
  });
});
