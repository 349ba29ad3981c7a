import { markup } from '../markup.js';
import type { Markup } from '../markup.js';
import type { ScatterChart } from './chart-data.js';
import { CHART, PLOT, axesMarkup, linearScale, place } from './frame.js';

type Point = ScatterChart['points'][number];

/** @returns points that none has less x and more y than, ascending: what can be had. */
export function frontier(points: readonly Point[]): Point[] {
  const sorted = [...points].sort((a, b) => a.x - b.x || b.y - a.y);
  const found: Point[] = [];
  for (const point of sorted) if (found.length === 0 || point.y > found[found.length - 1].y) found.push(point);
  return found;
}

/** @returns the drawing of one figure against another, with what can be had, the limit and the best. */
export function scatterMarkup({ points, xText, yText, xLabel, yLabel, limit }: ScatterChart): Markup {
  if (points.length === 0) return markup``;
  const floor = CHART.top + PLOT.height;
  const xs = [...points.map(({ x }) => x), ...(limit === undefined ? [] : [limit])];
  const x = linearScale(xs, [CHART.left, CHART.left + PLOT.width - 8], xText);
  const y = linearScale(
    points.map((point) => point.y),
    [floor, CHART.top],
    yText,
  );
  const edge = frontier(points.filter(({ allowed }) => allowed));
  const line = edge.map((point) => `${place(x.at(point.x))},${place(y.at(point.y))}`).join(' ');
  const limitLine =
    limit === undefined
      ? markup``
      : markup`<line class="chart-limit" x1="${place(x.at(limit))}" x2="${place(x.at(limit))}" y1="${CHART.top}" y2="${floor}"><title>limit: ${xText(limit)}</title></line>`;
  const dots = points.map((point) => {
    const kind = point.isBest ? 'chart-best' : point.allowed ? 'chart-dot' : 'chart-refused';
    return markup`<circle class="${kind}" cx="${place(x.at(point.x))}" cy="${place(y.at(point.y))}" r="${point.isBest ? 6 : 4}"><title>${point.label}: ${xLabel} ${xText(point.x)}, ${yLabel} ${yText(point.y)}${point.isBest ? ' (best)' : ''}</title></circle>`;
  });
  return markup`${axesMarkup(x, y, xLabel)}${limitLine}<g class="chart-series-0"><polyline class="chart-line" points="${line}"/>${dots}</g>`;
}
