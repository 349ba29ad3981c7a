import { counted } from '@epemu/core';
import { plainText } from '@epemu/pages';
import { figureText } from '../check/units.js';
import { plainTable } from '../plain-table.js';
import { FIGURE_COLUMNS } from './columns.js';
import type { JudgedRow, JudgedSweep } from './judge.js';

/** Figures that the terminal shows: a row stays in 80 columns. */
const SHOWN = FIGURE_COLUMNS.filter(({ name }) =>
  ['layer_us', 'exposed_pct', 'tokens_per_s_per_gpu', 'step_ms', 'memory_gb'].includes(name),
);

/** @returns a point's values with their keys: `communicationSms 20, overlap full`. */
export function valuesText({ definition: { axes } }: JudgedSweep, { values }: JudgedRow): string {
  return axes.map(({ label }, index) => `${label} ${values[index]}`).join(', ');
}

/** @returns which point is best, in a sentence. */
export function bestText(sweep: JudgedSweep): string {
  const { definition, best, unit, rows } = sweep;
  const { objective, under } = definition;
  const word = objective.direction === 'minimize' ? 'least' : 'most';
  const limits = under.length === 0 ? '' : ` with ${under.map(({ text }) => text).join(' and ')}`;
  if (best?.value === undefined) {
    const allowed = 'No point fits into memory and keeps within the limits';
    return rows.some(({ value }) => value !== undefined) ? `${allowed}${limits}.` : 'No point could be emulated.';
  }
  const ties = rows.filter((row) => row.allowed && row.value === best.value).length - 1;
  const also = ties === 0 ? '' : ` (${counted(ties, 'other point')} as good)`;
  return `Best${limits}: ${valuesText(sweep, best)}, the ${word} ${objective.figure}: ${figureText(best.value, unit)}${also}.`;
}

/** The text of a sweep. */
export function sweepText(sweep: JudgedSweep): string {
  const { definition, rows, best } = sweep;
  const columns = SHOWN.filter(({ of }) =>
    rows.some(({ figures }) => figures !== undefined && of(figures) !== undefined),
  );
  const head = ['', ...definition.axes.map(({ label }) => label), ...columns.map(({ label }) => label), ''];
  const cells = rows.map((row) => [
    row === best ? '*' : '',
    ...row.values.map((value) => plainText(value)),
    ...columns.map(({ of, text }) => {
      const value = row.figures === undefined ? undefined : of(row.figures);
      return value === undefined ? '' : text(value);
    }),
    row.figures === undefined ? 'failed' : row.why,
  ]);
  const right = head.flatMap((_, index) => (index > 0 && index < head.length - 1 ? [index] : []));
  const failed = rows.filter(({ figures }) => figures === undefined);
  const lines = [
    plainText(definition.title),
    '',
    plainTable(head, cells, right),
    '',
    ...failed.map((row) => plainText(`failed: ${valuesText(sweep, row)}: ${row.why}`)),
    ...(failed.length === 0 ? [] : ['']),
    plainText(bestText(sweep)),
  ];
  return `${lines.join('\n')}\n`;
}

/** @returns a cell as CSV has it. */
function csvCell(text: string): string {
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** @returns all points as CSV (RFC 4180): keys, figures with their units in their names, and what became of each. */
export function sweepCsv({ definition, rows, best }: JudgedSweep): string {
  const head = [...definition.axes.map(({ key }) => key), ...FIGURE_COLUMNS.map(({ name }) => name)];
  const lines = rows.map((row) => [
    ...row.values,
    ...FIGURE_COLUMNS.map(({ of }) => (row.figures === undefined ? '' : String(of(row.figures) ?? ''))),
    row.figures === undefined ? 'failed' : row.allowed ? 'ok' : 'not allowed',
    row === best ? 'yes' : '',
    row.why,
  ]);
  return [[...head, 'status', 'best', 'why'], ...lines].map((line) => `${line.map(csvCell).join(',')}\r\n`).join('');
}

/** @returns all points as JSON. */
export function sweepJson(sweep: JudgedSweep): Readonly<Record<string, unknown>> {
  const { definition, rows, best, path } = sweep;
  const { title, scenario, settings, axes, objective, under } = definition;
  const point = (row: JudgedRow): Readonly<Record<string, unknown>> => ({
    values: Object.fromEntries(axes.map(({ key }, index) => [key, row.values[index]])),
    status: row.figures === undefined ? 'failed' : 'ok',
    allowed: row.allowed,
    ...(row.why === '' ? {} : { why: row.why }),
    value: row.value ?? null,
    ...(row.figures === undefined ? {} : { figures: row.figures }),
  });
  return {
    schema: 'epemu-sweep/1',
    ...{ title, scenario, settings },
    axes: axes.map(({ key, values }) => ({ key, values })),
    objective: { ...objective, path },
    under: under.map(({ text }) => text),
    points: rows.map(point),
    best: best === undefined ? null : point(best),
    sentence: bestText(sweep),
  };
}
