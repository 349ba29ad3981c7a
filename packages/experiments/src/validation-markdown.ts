import { rowsTable, siliconErrorsTable, siliconWorstTable, withUnit } from '@epemu/published';
import type { CalibrationRow, PublishedFigure, SiliconSummary } from '@epemu/published';
import { verdictOf } from './validate.js';
import type { Validation, ValidationGroup } from './validate.js';

const INTRODUCTION = [
  '# Validation',
  'Written by `./scripts/validate`, which runs `epemu validate --out docs/validation.md`; not to be edited by hand. A ' +
    'test runs the same again and compares.',
  'Every published figure that epemu can be compared with stands here beside the emulated one, from the runs that a ' +
    'user starts: `epemu run train`, `run prefill`, `run decode` with their defaults, `epemu collective`, and for two figures ' +
    'of 32 tokens `run decode --tokens-per-microbatch 32`. Emulated ' +
    'figures of runs are means over ranks; the least and the most of cells are over the cells of the mean rank. ' +
    'Published figures of routing imbalance, with EPLB and without, are compared by test/eplb-runs.test.ts.',
  '**The split.** Some published figures were used to choose constants, and meeting them says little: they are ' +
    '_fitted_. Others were left out on purpose and are predicted: they are **held-out**, and their errors are the ' +
    "model's own. _consistency_ marks figures of whole systems under other conditions; they bind nothing. Each table " +
    'begins with its split. A figure with a tolerance fails `epemu validate` when it is outside.',
];

const COLUMNS = 120;

/** Breaks lines of prose between words, as this repository's documents have it. */
function wrapped(text: string, indent = ''): string {
  const lines: string[] = [''];
  for (const word of text.split(' ')) {
    const last = lines[lines.length - 1];
    if (last === '' || last === indent) lines[lines.length - 1] = `${last}${word}`;
    else if (last.length + 1 + word.length <= COLUMNS) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(`${indent}${word}`);
  }
  return lines.join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

/** A table as prettier lays it out. @param right columns that are aligned right. */
function table(head: readonly string[], rows: readonly (readonly string[])[], right: readonly number[]): string {
  const all = [head, ...rows].map((row) => row.map(cell));
  const widths = head.map((_, column) => Math.max(3, ...all.map((row) => row[column].length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((text, i) => (right.includes(i) ? text.padStart(widths[i]) : text.padEnd(widths[i]))).join(' | ')} |`;
  const rule = widths.map((width, i) => (right.includes(i) ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)));
  return [line(all[0]), `| ${rule.join(' | ')} |`, ...all.slice(1).map(line)].join('\n');
}

const USES: Readonly<Record<CalibrationRow['use'], string>> = {
  fitted: '_fitted_',
  'held-out': '**held-out**',
  consistency: '_consistency_',
  context: '_context_',
};

/** The rows' table, ids as code and the use as {@link USES} has it. */
function markdownTable(rows: readonly CalibrationRow[]): string {
  const { head, cells, right } = rowsTable(rows);
  const written = cells.map((texts, i) => [`\`${texts[0]}\``, ...texts.slice(1, -1), USES[rows[i].use]]);
  return table(head, written, right);
}

/** How far held-out figures are off, of those whose error is in %. */
function heldOutLine(rows: readonly CalibrationRow[]): string[] {
  const errors = rows
    .filter(({ use, errorPct, errorPoints }) => use === 'held-out' && errorPct !== null && errorPoints === undefined)
    .map(({ id, errorPct }) => ({ id, off: Math.abs(errorPct!) }));
  if (errors.length === 0) return [];
  const mean = errors.reduce((sum, { off }) => sum + off, 0) / errors.length;
  const worst = errors.reduce((most, error) => (error.off > most.off ? error : most));
  return [
    wrapped(
      `Held-out figures with an error in %: ${errors.length}, off by ${mean.toFixed(1)} % in the mean and by ` +
        `${worst.off.toFixed(1)} % at most (\`${worst.id}\`).`,
    ),
  ];
}

/** What is known to set figures apart, once for all that share it. */
function differenceLines(rows: readonly CalibrationRow[]): string[] {
  const ids = new Map<string, string[]>();
  for (const { id, differences } of rows) {
    if (differences !== undefined) ids.set(differences, [...(ids.get(differences) ?? []), id]);
  }
  return [...ids].map(([text, of]) =>
    wrapped(`- ${of.map((id) => `\`${id}\``).join(', ')}: ${text.replaceAll(' us', ' µs')}`, '  '),
  );
}

function sourcesLine(rows: readonly { readonly source: string }[]): string {
  return wrapped(`Sources: ${[...new Set(rows.map(({ source }) => source))].join('; ')}.`);
}

/** Figures that are not emulated. */
function contextTable(figures: readonly PublishedFigure[]): string {
  const valueText = (value: PublishedFigure['value']): string =>
    typeof value === 'object' ? JSON.stringify(value).replaceAll('"', '').replaceAll(/, */g, ', ') : String(value);
  const rows = figures.map(({ id, what, value, unit }) => [`\`${id}\``, what, withUnit(valueText(value), unit)]);
  return table(['figure', 'what', 'published'], rows, []);
}

function groupSection({ title, split, rows, context }: ValidationGroup): string[] {
  const differences = differenceLines(rows);
  return [
    `## ${title}`,
    wrapped(split),
    ...(rows.length === 0 ? [] : [markdownTable(rows), ...heldOutLine(rows)]),
    ...(context.length === 0 ? [] : [contextTable(context)]),
    ...(differences.length === 0 ? [] : [`Known differences:\n\n${differences.join('\n')}`]),
    sourcesLine([...rows, ...context]),
  ];
}

const SILICON = [
  '## Measured on silicon',
  'Times of the tables in `packages/published/data/silicon`, beside what the laws of the presets make of the same shape: ' +
    'the laws that time a run’s kernels. _fitted_: constants of the GPU were chosen by rows of such shapes; **held-out**: ' +
    'whole shapes, numbers of heads and EP sizes, by which none was; **derived**: the GPU’s preset as it would be derived ' +
    'from another GPU’s by data sheets, no row of its own seen. An error is |emulated ÷ measured − 1|. The rows are a ' +
    'fixed sample; `epemu validate --all` compares every row. They bind nothing.',
];

/** Rows measured on silicon, in sum and at their worst. */
function siliconSection(silicon: SiliconSummary): string[] {
  const errors = siliconErrorsTable(silicon);
  const uses = { fitted: '_fitted_', 'held-out': '**held-out**', derived: '**derived**' };
  const cells = errors.cells.map((texts, i) =>
    texts.map((text, at) => (at === 2 ? uses[silicon.errors[i].use] : text)),
  );
  const worst = siliconWorstTable(silicon);
  return [
    ...SILICON.map((text) => wrapped(text)),
    table(errors.head, cells, errors.right),
    'Furthest off:',
    table(worst.head, worst.cells, worst.right),
  ];
}

/** @returns docs/validation.md: the same text wherever it is made. */
export function validationMarkdown(validation: Validation): string {
  const parts = [
    ...INTRODUCTION.map((text) => wrapped(text)),
    wrapped(`**${verdictOf(validation)}**`),
    ...validation.groups.flatMap(groupSection),
    ...siliconSection(validation.silicon),
  ];
  return `${parts.join('\n\n')}\n`;
}
