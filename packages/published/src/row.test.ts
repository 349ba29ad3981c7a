import { expect } from 'chai';
import { emulatedText, errorText, publishedText, toleranceText, verdictText } from './format.js';
import { isMiss, rowOf, worstFirst } from './row.js';
import type { CalibrationRow } from './row.js';
import { rowsTable } from './rows-table.js';
import type { PublishedFigure, Tolerance } from './schema.js';

function figure(
  value: PublishedFigure['value'],
  tolerance?: Tolerance,
  parts: Partial<PublishedFigure> = {},
): PublishedFigure {
  return {
    ...{ id: 'it', group: 'train', what: 'a time', value, unit: 'us', conditions: '', source: 'a trace' },
    ...{ quality: 'solid', use: 'held-out' },
    ...(tolerance === undefined ? {} : { tolerance }),
    ...parts,
  };
}

const percent = (value: number, orUs?: number): Tolerance => ({
  kind: 'percent',
  value,
  ...(orUs === undefined ? {} : { orUs }),
});

describe('a row', () => {
  it('has the error of the emulated figure in % of the published one', () => {
    const row = rowOf(figure(100), 0, 97);
    expect(row).to.include({ published: 100, emulated: 97, errorPct: -3 });
    expect(row).not.to.have.any.keys('withinTolerance', 'errorPoints', 'rank0');
    expect(isMiss(row)).to.equal(false);
  });

  it('is within a tolerance of some %, its edge included, and outside beyond', () => {
    expect(rowOf(figure(200, percent(5)), 0, 210).withinTolerance).to.equal(true);
    expect(rowOf(figure(200, percent(5)), 0, 190).withinTolerance).to.equal(true);
    expect(isMiss(rowOf(figure(200, percent(5)), 0, 210.1))).to.equal(true);
  });

  it('is within some µs where that is more than its %', () => {
    expect(rowOf(figure(2, percent(10, 1)), 0, 2.9).withinTolerance).to.equal(true);
    expect(rowOf(figure(2, percent(10, 1)), 0, 3.1).withinTolerance).to.equal(false);
    expect(rowOf(figure(100, percent(10, 1)), 0, 109).withinTolerance).to.equal(true);
  });

  it('counts points as differences of shares, not as shares of them', () => {
    const row = rowOf(figure(90, { kind: 'points', value: 2 }, { unit: '% of span' }), 0, 91.5);
    expect(row).to.include({ errorPoints: 1.5, withinTolerance: true });
    expect(row.errorPct).to.be.closeTo(1.667, 1e-3);
    expect(isMiss(rowOf(figure(90, { kind: 'points', value: 2 }), 0, 87.9))).to.equal(true);
  });

  it('compares words, and counts, by equality', () => {
    const words = figure(['a', 'b'], { kind: 'exact' });
    expect(rowOf(words, 0, 'a b')).to.include({ published: 'a b', errorPct: null, withinTolerance: true });
    expect(rowOf(words, 0, 'b a').withinTolerance).to.equal(false);
    expect(rowOf(figure(3, { kind: 'exact' }), 0, 3.0001).withinTolerance).to.equal(false);
  });

  it('takes the value of its measure from a figure that has several, and adds its part to the id', () => {
    const measures = (['up', 'down'] as const).map((part) => ({
      ...{ by: 'kernel' as const, part, scenario: 'decode', list: 'l', kernel: 'k', sms: 132, tokens: 1 },
      ...{ pairs: 0, rowsOfExperts: [], in: 'us' as const },
    }));
    expect(rowOf(figure([50, 20], undefined, { measures }), 1, 22)).to.include({ id: 'it.down', published: 20 });
  });

  it('keeps what rank 0 has by itself', () => {
    expect(rowOf(figure(100), 0, 97, 104)).to.include({ rank0: 104 });
  });
});

describe('rows in order', () => {
  const row = (id: string, emulated: number, tolerance?: Tolerance): CalibrationRow =>
    rowOf(figure(100, tolerance, { id }), 0, emulated);

  it('have the largest error over tolerance first, and those without a tolerance last', () => {
    const rows = [
      row('far, unbound', 200),
      row('near, unbound', 99),
      row('half', 105, percent(10)),
      row('miss', 103, percent(2)),
      row('exact', 100, { kind: 'exact' }),
      row('not exact', 101, { kind: 'exact' }),
    ];
    expect(worstFirst(rows).map(({ id }) => id)).to.deep.equal([
      'not exact',
      'miss',
      'half',
      'exact',
      'far, unbound',
      'near, unbound',
    ]);
  });

  it('do not put one that is within by its µs before a miss', () => {
    const small = rowOf(figure(2, percent(10, 1), { id: 'small' }), 0, 2.9);
    expect(worstFirst([small, row('miss', 111, percent(10))]).map(({ id }) => id)).to.deep.equal(['miss', 'small']);
  });
});

describe('a row as text', () => {
  it('has the published value as printed, and the emulated one to four digits', () => {
    const row = rowOf(figure(292.023, percent(10)), 0, 255.0712, 12_345.6);
    expect(publishedText(row)).to.equal('292.023 µs');
    expect(emulatedText(row.emulated, row)).to.equal('255.1 µs');
    expect(emulatedText(row.rank0, row)).to.equal('12346 µs');
    expect(errorText(row)).to.equal('−12.7 %');
    expect(verdictText(row)).to.equal('MISS');
  });

  it('has the error in points where the tolerance is', () => {
    const row = rowOf(figure(88.77, { kind: 'points', value: 3 }, { unit: '% of span' }), 0, 91.66);
    expect([publishedText(row), errorText(row), verdictText(row)]).to.deep.equal(['88.77 %', '+2.89 points', 'ok']);
  });

  it('has no error and no value twice of words that are the same', () => {
    const row = rowOf(figure(['a', 'b'], { kind: 'exact' }, { unit: '' }), 0, 'a b');
    expect([publishedText(row), emulatedText(row.emulated, row), errorText(row)]).to.deep.equal(['a b', 'same', '']);
  });

  it('has tolerances in words', () => {
    const tolerances: (Tolerance | undefined)[] = [
      percent(5),
      percent(10, 1),
      { kind: 'points', value: 1 },
      { kind: 'exact' },
      undefined,
    ];
    expect(tolerances.map(toleranceText)).to.deep.equal(['5 %', '10 % or 1 µs', '1 point', 'exact', '']);
  });

  it('leaves out columns that no row has anything for', () => {
    expect(rowsTable([rowOf(figure(100), 0, 97)]).head).to.deep.equal([
      'figure',
      'published',
      'emulated',
      'error',
      'use',
    ]);
    const { head, cells, right } = rowsTable([rowOf(figure(100, percent(5)), 0, 97, 96)]);
    expect(head).to.deep.equal(['figure', 'published', 'emulated', 'rank 0', 'error', 'tolerance', '', 'use']);
    expect(cells[0]).to.deep.equal(['it', '100 µs', '97 µs', '96 µs', '−3.0 %', '5 %', 'ok', 'held-out']);
    expect(right).to.deep.equal([1, 2, 3, 4]);
  });
});
