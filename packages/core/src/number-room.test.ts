import { expect } from 'chai';
import { NumberRoom } from './number-room.js';

describe('NumberRoom', () => {
  it('gives arrays that share nothing, whatever was given before them', () => {
    const room = new NumberRoom();
    const given = [3, 0, 1, 40, 2, 500].map((length, index) => room.take(length).fill(index));
    expect(given.map(({ length }) => length)).to.deep.equal([3, 0, 1, 40, 2, 500]);
    given.forEach((values, index) => {
      expect(values.every((value) => value === index)).to.equal(true);
    });
  });

  it('gives the same memory again once it was cleared', () => {
    const room = new NumberRoom();
    const { buffer } = room.take(100);
    for (let turn = 0; turn < 5; turn++) {
      room.clear();
      expect(room.take(60).buffer).to.equal(buffer);
      expect(room.take(40).buffer).to.equal(buffer);
    }
  });
});
