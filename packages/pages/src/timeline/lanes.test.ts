import { expect } from 'chai';
import { buildLanes, firstAbove, pieceAt } from './lanes.js';

const columns = { track: [2, 0, 0, 0], startNs: [5, 40, 0, 10], endNs: [9, 60, 10, 25] };
const lanes = buildLanes(3, columns, (row) => row % 2, 2);

describe('lanes', () => {
  it('hold pieces by track, then start, with the rows that they come from', () => {
    expect([...lanes.offsets]).to.deep.equal([0, 3, 3, 4]);
    expect([...lanes.starts]).to.deep.equal([0, 10, 40, 5]);
    expect([...lanes.items]).to.deep.equal([2, 3, 1, 0]);
    expect([...lanes.kinds]).to.deep.equal([0, 1, 1, 0]);
    expect([...lanes.maxEnds]).to.deep.equal([10, 25, 60, 9]);
    expect(lanes.timeBefore.map((before) => [...before])).to.deep.equal([
      [0, 10, 10, 10, 14],
      [0, 0, 15, 35, 35],
    ]);
  });

  it('find the piece at a time, the nearest within a tolerance, and none beyond', () => {
    expect(pieceAt(lanes, 0, 12, 0)).to.equal(1);
    expect(pieceAt(lanes, 0, 27, 3)).to.equal(1);
    expect(pieceAt(lanes, 0, 38, 3)).to.equal(2);
    expect(pieceAt(lanes, 0, 32, 3)).to.equal(-1);
    expect(pieceAt(lanes, 1, 12, 100)).to.equal(-1);
    expect(pieceAt(lanes, 2, 7, 0)).to.equal(3);
  });

  it('bisect', () => {
    const values = Float64Array.of(1, 1, 3, 5);
    expect([0, 1, 4, 5].map((bound) => firstAbove(values, 0, 4, bound))).to.deep.equal([0, 2, 3, 4]);
  });
});
