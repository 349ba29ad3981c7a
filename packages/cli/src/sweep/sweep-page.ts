import { EPEMU_VERSION, counted } from '@epemu/core';
import type { PointFigures } from '@epemu/experiments';
import { reportPage } from '@epemu/pages';
import type { ChartData, HeatChart, LineChart, PageData, ScatterChart } from '@epemu/pages';
import { figureText } from '../check/units.js';
import { FIGURE_COLUMNS } from './columns.js';
import type { FigureColumn } from './columns.js';
import type { JudgedRow, JudgedSweep } from './judge.js';
import { bestText, valuesText } from './sweep-text.js';

/** Figures that are drawn over a parameter: those that are asked for first. */
const DRAWN = ['layer_us', 'tokens_per_s_per_gpu', 'exposed_pct', 'step_ms'];

const drawn = (): FigureColumn[] =>
  DRAWN.flatMap((name) => FIGURE_COLUMNS.find((column) => column.name === name) ?? []);

function valueOf(row: JudgedRow | undefined, { of }: Pick<FigureColumn, 'of'>): number | null {
  return row?.figures === undefined ? null : (of(row.figures) ?? null);
}

/** Values of an axis that points have: a search looks at some of them. */
function usedValues({ definition: { axes }, rows }: JudgedSweep, axis: number): string[] {
  return axes[axis].values.filter((value) => rows.some(({ values }) => values[axis] === value));
}

/** Lines over the axis with most values, one for each of the others' values. */
function lineCharts(sweep: JudgedSweep): LineChart[] {
  const { definition, rows, best } = sweep;
  const { axes } = definition;
  const counts = axes.map((_, axis) => usedValues(sweep, axis).length);
  const across = counts.indexOf(Math.max(...counts));
  const xs = usedValues(sweep, across);
  const rest = (row: JudgedRow): string =>
    axes.flatMap(({ label }, index) => (index === across ? [] : [`${label} ${row.values[index]}`])).join(', ');
  const names = [...new Set(rows.map(rest))];
  return drawn().map((column) => ({
    kind: 'lines',
    title: `${column.label} over ${axes[across].label}`,
    xLabel: axes[across].label,
    xs,
    series: names.map((name) => ({
      name,
      values: xs.map((x) =>
        valueOf(
          rows.find((row) => row.values[across] === x && rest(row) === name),
          column,
        ),
      ),
    })),
    text: column.text,
    best:
      best === undefined ? undefined : { series: names.indexOf(rest(best)), place: xs.indexOf(best.values[across]) },
  }));
}

/** The objective over two axes. */
function heatCharts(sweep: JudgedSweep): HeatChart[] {
  const { definition, rows, best, unit } = sweep;
  const { axes, objective } = definition;
  if (axes.length !== 2) return [];
  const [ys, xs] = [usedValues(sweep, 0), usedValues(sweep, 1)];
  const at = (y: string, x: string): JudgedRow | undefined =>
    rows.find(({ values }) => values[0] === y && values[1] === x);
  return [
    {
      kind: 'heat',
      title: `${objective.figure}${unit === undefined ? '' : ` (${unit.text})`} over ${axes[0].label} and ${axes[1].label}`,
      ...{ xLabel: axes[1].label, xs, yLabel: axes[0].label, ys },
      values: ys.map((y) => xs.map((x) => at(y, x)?.value ?? null)),
      text: (value) => figureText(value, undefined),
      best: best === undefined ? undefined : { row: ys.indexOf(best.values[0]), column: xs.indexOf(best.values[1]) },
    },
  ];
}

const latencyOf = ({ throughput }: PointFigures): number => throughput.tpotMs ?? throughput.stepMs;

/** Tokens/s of a GPU against the time per token, or of a step. */
function paretoChart(sweep: JudgedSweep): ScatterChart | undefined {
  const { rows, best, definition } = sweep;
  const some = rows.find(({ figures }) => figures !== undefined)?.figures;
  if (some === undefined) return undefined;
  const isDecode = some.throughput.tpotMs !== undefined;
  const limit = definition.under.find(({ name }) => ['tpot', 'step'].includes(name))?.bound;
  const bound = limit?.kind === 'number' ? (limit.value * (limit.unit?.size ?? 1e6)) / 1e6 : undefined;
  const name = isDecode ? 'TPOT' : 'step';
  return {
    kind: 'scatter',
    title: `What can be had: tokens/s a GPU against ${name}`,
    xLabel: name,
    yLabel: 'tokens/s a GPU',
    points: rows.flatMap((row) =>
      row.figures === undefined
        ? []
        : [
            {
              x: latencyOf(row.figures),
              y: row.figures.throughput.tokensPerSecondPerGpu,
              label: valuesText(sweep, row),
              allowed: row.allowed,
              isBest: row === best,
            },
          ],
    ),
    xText: (value) => `${Number(value.toPrecision(4))} ms`,
    yText: (value) => String(Number(value.toPrecision(5))),
    limit: bound,
  };
}

/** @returns charts that fit what was swept: lines, of two parameters a heat map, and what can be had. */
function chartsOf(sweep: JudgedSweep): ChartData[] {
  const pareto = paretoChart(sweep);
  return [...heatCharts(sweep), ...lineCharts(sweep), ...(pareto === undefined ? [] : [pareto])];
}

function pageData(sweep: JudgedSweep): PageData {
  const { definition, rows, best } = sweep;
  const { axes, scenario, settings, title } = definition;
  const columns = FIGURE_COLUMNS.filter((column) => rows.some((row) => valueOf(row, column) !== null));
  const failed = rows.filter(({ figures }) => figures === undefined);
  return {
    kind: 'sweep',
    title,
    subtitle: [`${counted(rows.length, 'point')} of ${scenario}`, ...settings].join(', '),
    warnings: failed.map((row) => `${valuesText(sweep, row)} failed: ${row.why}`),
    finding: bestText(sweep),
    figures: [],
    charts: chartsOf(sweep),
    layers: [],
    timeline: null,
    ranks: [],
    matrix: null,
    tables: [
      {
        id: 'points',
        title: 'Points',
        note: 'Layer, exposed communication, overlap and idle time are of the steady layers; the marked point is the best.',
        columns: [
          ...axes.map(({ label }) => ({ label, align: 'left' as const })),
          ...columns.map(({ label }) => ({ label, align: 'right' as const })),
          { label: 'not allowed', align: 'left' as const },
        ],
        rows: rows.map((row) => ({
          cells: [
            ...row.values,
            ...columns.map((column) => {
              const value = valueOf(row, column);
              return value === null ? '' : column.text(value);
            }),
            row.why,
          ],
          flagged: row === best,
        })),
      },
    ],
    configuration: null,
    statement: null,
    epemuVersion: EPEMU_VERSION,
  };
}

/** @returns the page of a sweep. */
export function sweepPage(sweep: JudgedSweep): string {
  return reportPage(pageData(sweep));
}
