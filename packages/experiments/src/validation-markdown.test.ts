import { rowIds, siliconSummary } from '@epemu/published';
import type { CalibrationRow, SiliconComparison } from '@epemu/published';
import { expect } from 'chai';
import { verdictOf } from './validate.js';
import type { Validation, ValidationGroup } from './validate.js';
import { validationMarkdown } from './validation-markdown.js';

function row(id: string, errorPct: number, parts: Partial<CalibrationRow> = {}): CalibrationRow {
  return {
    ...{ id, group: 'normal', what: '', unit: 'GB/s', published: 100, emulated: 100 + errorPct, errorPct },
    ...{ tolerance: { kind: 'percent', value: 5 }, withinTolerance: Math.abs(errorPct) <= 5, use: 'held-out' },
    ...{ source: 'a README' },
    ...parts,
  };
}

function group(rows: readonly CalibrationRow[], parts: Partial<ValidationGroup> = {}): ValidationGroup {
  return { name: 'normal', title: 'Normal mode', split: 'EP8 is fitted.', rows, context: [], ...parts };
}

const MEASURED: readonly SiliconComparison[] = [1.02, 0.5, 1.1].map((factor, i) => ({
  ...{ family: 'products', gpu: 'h100', use: 'held-out', what: `m=${i}` },
  ...{ measuredUs: 10, emulatedUs: 10 * factor },
}));

function validation(...groups: ValidationGroup[]): Validation {
  const rows = groups.flatMap((each) => each.rows);
  const misses = rows.filter(({ withinTolerance }) => withinTolerance === false);
  return { groups, misses, silicon: siliconSummary(MEASURED) };
}

const ROWS = [
  row('ep8', 1, { use: 'fitted' }),
  row('ep16', -7, { differences: 'Other queue pairs.' }),
  row('ep32', 4, { differences: 'Other queue pairs.', source: 'another README' }),
];

describe('the verdict', () => {
  it('counts figures with a tolerance, and those held out among them, and names what is outside', () => {
    const unbound = { id: 'x', use: 'consistency' as const };
    const { tolerance, withinTolerance, ...bare } = row('x', 60, unbound);
    expect([tolerance, withinTolerance]).not.to.include(undefined);
    expect(verdictOf(validation(group([...ROWS, bare])))).to.equal(
      '2 of 3 figures with a tolerance are within it, 1 of 2 of those held out; outside: ep16.',
    );
    expect(verdictOf(validation(group([ROWS[0]])))).to.equal(
      '1 of 1 figures with a tolerance are within it, 0 of 0 of those held out.',
    );
  });
});

describe('the validation as Markdown', () => {
  const text = validationMarkdown(validation(group(ROWS)));

  it('begins with the command that makes it, the split and the verdict', () => {
    expect(text.startsWith('# Validation\n\nWritten by `./scripts/validate`')).to.equal(true);
    expect(text)
      .to.include('**The split.**')
      .and.to.include(`**${verdictOf(validation(group(ROWS)))}**`);
  });

  it('has a table a group, under its split, that marks what was held out and what is outside', () => {
    expect(text).to.include('## Normal mode\n\nEP8 is fitted.\n\n| figure |');
    const line = (id: string): string => text.split('\n').find((each) => each.startsWith(`| \`${id}\``))!;
    expect(line('ep8').replace(/ +/g, ' ')).to.equal('| `ep8` | 100 GB/s | 101 GB/s | +1.0 % | 5 % | ok | _fitted_ |');
    expect(line('ep16')).to.include('MISS').and.to.include('**held-out**');
  });

  it('says how far held-out figures are off, and only these', () => {
    expect(text).to.include(
      'Held-out figures with an error in %: 2, off by 5.5 % in the mean and by 7.0 % at most (`ep16`).',
    );
    expect(validationMarkdown(validation(group([ROWS[0]])))).not.to.include('Held-out figures');
  });

  it('states known differences once for all that share them, and every source once', () => {
    expect(text).to.include('- `ep16`, `ep32`: Other queue pairs.\n');
    expect(text).to.include('Sources: a README; another README.\n');
  });

  it('lists figures that are not emulated without an emulated one', () => {
    const figure = {
      ...{ id: 'v3.parallel', group: 'context', what: 'parallelism', value: { PP: 16, EP: 64 }, unit: '' },
      ...{ conditions: '', source: 'a report', quality: 'solid' as const, use: 'context' as const },
    };
    const context = validationMarkdown(validation(group([], { context: [figure] })));
    expect(context).to.match(/\| `v3.parallel` \| parallelism \| \{PP:16, EP:64\} *\|/);
  });

  it('says how far rows of silicon are off, by family and GPU, and which is furthest', () => {
    const lines = text.split('\n').map((line) => line.replace(/ +/g, ' '));
    expect(lines).to.include('| products | h100 | **held-out** | 3 | 10.0 % | 50.0 % |');
    expect(lines.find((line) => line.includes('m='))).to.equal('| products | h100 | m=1 | 10 µs | 5 µs | −50 % |');
  });

  it('keeps prose within 120 columns', () => {
    const long = validationMarkdown(validation(group(ROWS, { split: 'a word '.repeat(60) })));
    for (const line of long.split('\n')) if (!line.startsWith('|')) expect(line.length).to.be.at.most(120);
  });
});

describe('the figures to be validated', () => {
  it('come in the order of the data, trace first', () => {
    expect(rowIds()[0]).to.match(/^train\.trace\./);
  });
});
