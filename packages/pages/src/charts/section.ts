import { markup } from '../markup.js';
import type { Markup } from '../markup.js';
import type { ChartData } from './chart-data.js';
import { CHART } from './frame.js';
import { heatMarkup } from './heat.js';
import { linesMarkup, seriesLegend } from './lines.js';
import { scatterMarkup } from './scatter.js';

function drawing(chart: ChartData): Markup {
  if (chart.kind === 'heat') return heatMarkup(chart);
  const inside = chart.kind === 'lines' ? linesMarkup(chart) : scatterMarkup(chart);
  const svg = markup`<svg class="chart" viewBox="0 0 ${CHART.width} ${CHART.height}" role="img" aria-label="${chart.title}">${inside}</svg>`;
  return chart.kind === 'lines' ? markup`${svg}${seriesLegend(chart)}` : svg;
}

/** @returns charts beside each other, as many as have room. */
export function chartSection(charts: readonly ChartData[]): Markup {
  if (charts.length === 0) return markup``;
  const figures = charts.map(
    (chart) => markup`<figure class="chart-box"><figcaption>${chart.title}</figcaption>${drawing(chart)}</figure>`,
  );
  return markup`<section aria-labelledby="charts-title"><h2 id="charts-title">Charts</h2><div class="charts">${figures}</div></section>`;
}
