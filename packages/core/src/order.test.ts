import { expect } from 'chai';
import fc from 'fast-check';
import { InvariantError } from './errors.js';
import { stableOrder, totalOrder } from './order.js';

describe('totalOrder', () => {
  it('sorts lexicographically, the first key before the second', () => {
    const times = [20, 10, 10, 30, 10];
    const ranks = [0, 2, 0, 0, 1];
    expect([...totalOrder(5, times, ranks)]).to.deep.equal([2, 4, 1, 0, 3]);
  });

  it('gives one order whatever order the items come in', () => {
    const items = fc.uniqueArray(fc.tuple(fc.nat(5), fc.integer()), { selector: (item) => item.join() });
    fc.assert(
      fc.property(items, fc.infiniteStream(fc.nat()), (original, random) => {
        const shuffled = original
          .map((item) => ({ item, place: random.next().value as number }))
          .sort((a, b) => a.place - b.place)
          .map(({ item }) => item);
        const sorted = (list: readonly (readonly [number, number])[]): unknown =>
          [...totalOrder(list.length, ...[0, 1].map((key) => list.map((item) => item[key])))].map((i) => list[i]);
        expect(sorted(shuffled)).to.deep.equal(sorted(original));
      }),
    );
  });

  it('throws on any tie and names its keys', () => {
    expect(() => totalOrder(3, [1, 2, 1], [7, 7, 7])).to.throw(InvariantError, 'keys 1, 7');
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 1 }), fc.nat(), (keys, place) => {
        const tied = [...keys, keys[place % keys.length]];
        expect(() => totalOrder(tied.length, tied)).to.throw(InvariantError, 'tie in a total order');
      }),
    );
  });

  it('orders nothing, and a single item, without keys to compare', () => {
    expect([...totalOrder(0, [])]).to.deep.equal([]);
    expect([...totalOrder(1, [5])]).to.deep.equal([0]);
  });
});

describe('stableOrder', () => {
  /** Keys in few values, in many, and beyond 32 bits. */
  const key = fc.oneof(fc.integer({ min: -2, max: 2 }), fc.integer({ min: 0, max: 5000 }), fc.maxSafeInteger());

  it('sorts lexicographically and leaves items of equal keys as they were', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(key, key)), (items) => {
        const keys = [0, 1].map((at) => items.map((item) => item[at]));
        const compared = items.map((_, i) => i).sort((a, b) => keys[0][a] - keys[0][b] || keys[1][a] - keys[1][b]);
        expect([...stableOrder(items.length, keys)]).to.deep.equal(compared);
      }),
    );
  });

  it('leaves everything as it is without keys', () => {
    expect([...stableOrder(3, [])]).to.deep.equal([0, 1, 2]);
  });
});
