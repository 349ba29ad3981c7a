import { InvariantError } from '@epemu/core';
import { expect } from 'chai';
import fc from 'fast-check';
import { EventQueue } from './queue.js';

describe('EventQueue', () => {
  it('lets events happen by time, then by key, whatever order they were scheduled in', () => {
    const event = fc.tuple(fc.nat(5), fc.nat(5), fc.nat(5));
    fc.assert(
      fc.property(fc.uniqueArray(event, { selector: (parts) => parts.join() }), (events) => {
        const queue = new EventQueue();
        const happened: number[][] = [];
        for (const [time, ...key] of events) {
          queue.at(time, key, () => {
            happened.push([queue.nowNs, ...key]);
          });
        }
        queue.run();
        const order = (a: number[], b: number[]): number => a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
        expect(happened).to.deep.equal(events.map((parts) => [...parts]).sort(order));
      }),
    );
  });

  it('takes events that others schedule, at the same time or later', () => {
    const queue = new EventQueue();
    const happened: string[] = [];
    queue.at(10, [2], () => {
      happened.push('first');
      queue.at(10, [1], () => happened.push('at once'));
      queue.at(30, [1], () => happened.push('later'));
    });
    queue.at(20, [1], () => happened.push('between'));
    queue.run();
    expect(happened).to.deep.equal(['first', 'at once', 'between', 'later']);
  });

  it('refuses to go back in time', () => {
    const queue = new EventQueue();
    queue.at(10, [1], () => {
      queue.at(9, [1], () => undefined);
    });
    expect(() => {
      queue.run();
    }).to.throw(InvariantError, 'go back from 10 to 9 ns');
  });

  it('refuses two events of one time and key', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20)), fc.nat(20), (times, tied) => {
        const queue = new EventQueue();
        expect(() => {
          [...times, tied].forEach((time, i) => {
            queue.at(time, [i], () => undefined);
          });
          queue.at(tied, [times.length], () => undefined);
          queue.run();
        }).to.throw(InvariantError, 'tie at');
      }),
    );
  });
});
