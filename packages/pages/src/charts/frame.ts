import { markup } from '../markup.js';
import type { Markup } from '../markup.js';

/** Of every chart, in its own units; pages scale it. */
export const CHART = { width: 560, height: 320, left: 76, right: 16, top: 16, bottom: 48 } as const;
export const PLOT = {
  width: CHART.width - CHART.left - CHART.right,
  height: CHART.height - CHART.top - CHART.bottom,
} as const;
const MOST_TICKS = 6;

/** Of the larger value: twelve digits of a tick are kept. */
const LEAST_SPAN = 1e-9;
const LEAST_MAGNITUDE = 1e-300;

/** @returns round numbers from just below the least to just above the most. */
export function ticksOf(least: number, most: number): number[] {
  const magnitude = Math.max(Math.abs(least), Math.abs(most));
  // What is nearer together than ticks can be told apart, or than numbers can be divided, counts as one value.
  const apart = most - least > Math.max(magnitude * LEAST_SPAN, LEAST_MAGNITUDE);
  const span = apart ? most - least : magnitude > LEAST_MAGNITUDE ? magnitude : 1;
  const raw = span / (MOST_TICKS - 1);
  const size = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * size).find((each) => each >= raw - size * 1e-9) ?? raw;
  const first = Math.floor(least / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(most / step - 1e-9));
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}

/** Where values of an axis are. */
export interface ChartScale {
  readonly ticks: readonly { readonly at: number; readonly text: string }[];
  at(value: number): number;
}

/** @returns a scale whose ends are ticks. @param from where the least is, @param to where the most is, in the chart's units. */
export function linearScale(
  values: readonly number[],
  [from, to]: readonly [number, number],
  text: (value: number) => string,
): ChartScale {
  const ticks = ticksOf(Math.min(...values), Math.max(...values));
  const [least, most] = [ticks[0], ticks[ticks.length - 1]];
  const at = (value: number): number => from + ((value - least) / (most - least)) * (to - from);
  return { at, ticks: ticks.map((tick) => ({ at: at(tick), text: text(tick) })) };
}

/** @returns a coordinate as SVG has it. */
export function place(value: number): string {
  return String(Number(value.toFixed(1)));
}

/** @returns grid, ticks and labels of a chart with two axes. */
export function axesMarkup(x: Pick<ChartScale, 'ticks'>, y: Pick<ChartScale, 'ticks'>, xLabel: string): Markup {
  const right = CHART.left + PLOT.width;
  const floor = CHART.top + PLOT.height;
  const rows = y.ticks.map(
    ({
      at,
      text,
    }) => markup`<line class="chart-grid" x1="${CHART.left}" x2="${right}" y1="${place(at)}" y2="${place(at)}"/>
<text class="chart-tick" x="${CHART.left - 6}" y="${place(at + 4)}" text-anchor="end">${text}</text>`,
  );
  const columns = x.ticks.map(
    ({ at, text }) =>
      markup`<text class="chart-tick" x="${place(at)}" y="${floor + 16}" text-anchor="middle">${text}</text>`,
  );
  return markup`${rows}${columns}<line class="chart-axis" x1="${CHART.left}" x2="${right}" y1="${floor}" y2="${floor}"/>
<text class="chart-label" x="${CHART.left + PLOT.width / 2}" y="${CHART.height - 8}" text-anchor="middle">${xLabel}</text>`;
}
