import { expect } from 'chai';
import fc from 'fast-check';
import { Columns } from './columns.js';

const NAMES = ['start', 'end'] as const;

function rowsOf(columns: Columns<(typeof NAMES)[number]>, firstRow = 0): number[][] {
  const [start, end] = [columns.columnFrom('start', firstRow), columns.columnFrom('end', firstRow)];
  expect(end).to.have.lengthOf(start.length);
  return Array.from(start, (value, row) => [value, end[row]]);
}

/** Compares by Object.is: −0 and NaN count. */
function expectSame(values: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(values).to.have.lengthOf(expected.length);
  const other = Array.from(expected).findIndex((value, row) => !Object.is(values[row], value));
  expect(other, `row ${other}: ${values[other]} for ${expected[other]}`).to.equal(-1);
}

/** Values of one kind around a start: of each width, huge, negative, broken, and what is no number. */
const KINDS: fc.Arbitrary<fc.Arbitrary<number>> = fc.oneof(
  fc
    .tuple(fc.maxSafeInteger(), fc.constantFrom(0, 0xff, 0x100, 0xffff, 0x10000, 0xffffffff, 0x100000000))
    .map(([start, range]) => fc.integer({ min: 0, max: range }).map((value) => start + value)),
  fc.constant(fc.maxSafeInteger()),
  fc.constant(fc.double()),
  fc.constant(fc.constantFrom(0, -0, 1)),
);

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

  it('give back whatever number was put in, also from chunks long full', () => {
    const drawn = KINDS.chain((kind) => fc.array(kind, { minLength: 1, maxLength: 40 }));
    fc.assert(
      fc.property(fc.array(drawn, { minLength: 1, maxLength: 4 }), fc.nat(2100), (kinds, repeats) => {
        const columns = new Columns(NAMES);
        const pushed: number[] = [];
        for (const values of kinds) {
          for (let i = 0; i < repeats; i++) pushed.push(values[i % values.length]);
        }
        for (const value of pushed) columns.push(value, -value);
        expect(columns.count).to.equal(pushed.length);
        expectSame(columns.column('start'), pushed);
        expectSame(
          columns.column('end'),
          pushed.map((value) => -value),
        );
      }),
    );
  });

  it('give back the rows from any one on', () => {
    const rows = 3000;
    const columns = new Columns(NAMES, 3);
    const pushed = Array.from({ length: rows }, (_, row) => row * row - 1e6);
    for (const value of pushed) columns.push(value, 1);
    fc.assert(
      fc.property(fc.nat(rows + 2), (firstRow) => {
        expectSame(columns.columnFrom('start', firstRow), pushed.slice(firstRow));
      }),
      { examples: [[0], [1023], [1024], [1025], [2048], [rows - 1], [rows], [rows + 1]] },
    );
  });

  it('leave a column that was given out as it was when rows come', () => {
    const columns = new Columns(NAMES, 2);
    columns.push(1, 2);
    const before = columns.column('start');
    expect(columns.column('start')).to.equal(before);
    columns.push(3, 4);
    expect([...before]).to.deep.equal([1]);
    expect([...columns.column('start')]).to.deep.equal([1, 3]);
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
      const rows = [...values.map((value) => [value, value]), [8, 9]];
      expect(rowsOf(columns)).to.deep.equal(rows);
      for (let firstRow = 0; firstRow <= rows.length; firstRow++) {
        expect(rowsOf(columns, firstRow)).to.deep.equal(rows.slice(firstRow));
      }
    }
  });

  it('made from values give these back themselves', () => {
    const values = Float64Array.of(1, 2);
    expect(Columns.from(['start'], [values]).column('start')).to.equal(values);
  });
});
