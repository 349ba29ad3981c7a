import { markup } from '../markup.js';
import type { Markup } from '../markup.js';
import type { LineChart } from './chart-data.js';
import { CHART, PLOT, axesMarkup, linearScale, place } from './frame.js';

/** Colours of series; of more they begin again. */
const COLOURS = 6;
/** Labels of the parameter that have room beside each other. */
const MOST_LABELS = 12;

/** @returns where each value of the parameter is: numbers where they are, or evenly where their distances differ too much. */
function placesOf(xs: readonly string[]): number[] {
  const even = xs.map((_, index) => (xs.length === 1 ? 0.5 : index / (xs.length - 1)));
  const numbers = xs.map(Number);
  if (xs.length < 3 || numbers.some((value) => !Number.isFinite(value))) return even;
  const sorted = [...numbers].sort((a, b) => a - b);
  const gaps = sorted.slice(1).map((value, index) => value - sorted[index]);
  const [least, most] = [sorted[0], sorted[sorted.length - 1]];
  // Doublings would lie on each other at the left.
  if (Math.min(...gaps) <= 0 || Math.max(...gaps) > 4 * Math.min(...gaps)) return even;
  return numbers.map((value) => (value - least) / (most - least));
}

/** @returns stretches of a line without a hole. */
function stretches(points: readonly (readonly [number, number] | null)[]): (readonly [number, number])[][] {
  const found: (readonly [number, number])[][] = [[]];
  for (const point of points) {
    if (point === null) found.push([]);
    else found[found.length - 1].push(point);
  }
  return found.filter(({ length }) => length > 0);
}

/** @returns the drawing of a line chart. */
export function linesMarkup(chart: LineChart): Markup {
  const { xs, series, text, best, xLabel } = chart;
  const values = series.flatMap((each) => each.values.filter((value): value is number => value !== null));
  if (values.length === 0) return markup``;
  const inset = 24;
  const columns = placesOf(xs).map((share) => CHART.left + inset + share * (PLOT.width - 2 * inset));
  const y = linearScale(values, [CHART.top + PLOT.height, CHART.top], text);
  const every = Math.ceil(xs.length / MOST_LABELS);
  const ticks = xs.map((x, index) => ({ at: columns[index], text: x })).filter((_, index) => index % every === 0);
  const drawn = series.map(({ name, values: own }, index) => {
    const points = own.map((value, at) => (value === null ? null : ([columns[at], y.at(value)] as const)));
    const lines = stretches(points).map(
      (stretch) =>
        markup`<polyline class="chart-line" points="${stretch.map((point) => point.map(place).join(',')).join(' ')}"/>`,
    );
    const dots = points.map((point, at) => {
      if (point === null) return markup``;
      const isBest = best?.series === index && best.place === at;
      return markup`<circle class="${isBest ? 'chart-best' : 'chart-dot'}" cx="${place(point[0])}" cy="${place(point[1])}" r="${isBest ? 6 : 3.5}"><title>${name === '' ? '' : `${name}, `}${xLabel} ${xs[at]}: ${text(own[at]!)}${isBest ? ' (best)' : ''}</title></circle>`;
    });
    return markup`<g class="chart-series-${index % COLOURS}">${lines}${dots}</g>`;
  });
  return markup`${axesMarkup({ ticks }, y, xLabel)}${drawn}`;
}

/** @returns the names of a chart's lines with their colours; nothing of a single line. */
export function seriesLegend({ series }: LineChart): Markup {
  if (series.length < 2) return markup``;
  const items = series.map(
    ({ name }, index) =>
      markup`<li class="chart-series-${index % COLOURS}"><span class="chart-swatch"></span>${name}</li>`,
  );
  return markup`<ul class="chart-legend">${items}</ul>`;
}
