import { expect } from 'chai';
import fc from 'fast-check';
import { Columns } from './columns.js';

const NAMES = ['start', 'end'] as const;

function rowsOf(columns: Columns<(typeof NAMES)[number]>): number[][] {
  const [start, end] = [columns.column('start'), columns.column('end')];
  return Array.from({ length: columns.count }, (_, row) => [start[row], end[row]]);
}

describe('Columns', () => {
  it('grow beyond their capacity and give back every row', () => {
    const rows = fc.array(fc.tuple(fc.maxSafeInteger(), fc.maxSafeInteger()), { maxLength: 200 });
    fc.assert(
      fc.property(rows, fc.integer({ min: 1, max: 8 }), (pushed, capacity) => {
        const columns = new Columns(NAMES, capacity);
        for (const row of pushed) columns.push(...row);
        expect(columns.count).to.equal(pushed.length);
        expect(rowsOf(columns)).to.deep.equal(pushed);
      }),
    );
  });

  it('show nothing beyond their rows', () => {
    const columns = new Columns(NAMES);
    expect(columns.column('end')).to.have.lengthOf(0);
    columns.push(1, 2);
    expect([...columns.column('end')]).to.deep.equal([2]);
  });

  it('are made from values and go on growing, also from none', () => {
    for (const values of [[], [3], [3, 4, 5]]) {
      const columns = Columns.from(NAMES, [Float64Array.from(values), Float64Array.from(values)]);
      columns.push(8, 9);
      expect(rowsOf(columns)).to.deep.equal([...values.map((value) => [value, value]), [8, 9]]);
    }
  });
});
