import { expect } from 'chai';
import fc from 'fast-check';
import type { TimelineData } from '../page-data.js';
import { decodeColumns, encodeColumns } from './codec.js';

function timelineOf(numbers: readonly number[]): TimelineData {
  return {
    endNs: 1,
    tracks: [],
    names: [],
    kernels: { track: numbers, startNs: numbers, durationNs: [], name: [], class: [], phase: [-1, 3, -1] },
    phases: { track: [], startNs: [], durationNs: [], name: [] },
    flows: { fromTrack: [], fromNs: [], toTrack: [], toNs: [] },
    path: { track: [], startNs: [], endNs: [] },
    exposed: { track: [], startNs: [], endNs: [], phase: numbers },
    note: '',
  };
}

describe('timeline columns', () => {
  it('read back as they were written, longer than 32 bits and negative ones too', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1, max: 2 ** 50 })), (numbers) => {
        const columns = decodeColumns(encodeColumns(timelineOf(numbers)));
        expect([...columns['kernels.startNs']]).to.deep.equal(numbers);
        expect([...columns['kernels.phase']]).to.deep.equal([-1, 3, -1]);
        expect([...columns['exposed.phase']]).to.deep.equal(numbers);
        expect(columns['flows.toNs']).to.have.lengthOf(0);
      }),
    );
  });

  it('refuse what is no integer, by the column that holds it', () => {
    expect(() => encodeColumns(timelineOf([1, 2.5]))).to.throw(RangeError, 'kernels.track holds 2.5');
  });
});
