import { markup, type Markup } from '../markup.js';
import type { ChartCell, PipelineChart } from '../page-data.js';

/** Units of the picture: the width of the step, what is left of it, and the height of a rank. */
const WIDTH = 1200;
const LEFT = 64;
const ROW = 26;
const BOX = 20;
/** Characters take about this much. */
const CHARACTER = 6.5;

/** As DualPipe's own picture has them, text dark on all. */
const FILLS: Readonly<Record<ChartCell['parts'][number]['work'], string>> = {
  forward: '#f3b562',
  backward: '#7cbf7c',
  'backward for input': '#b7dfa4',
  'backward for weights': '#8fb7e8',
};

function boxes({ start, end, parts }: ChartCell, row: number, toX: (time: number) => number): Markup {
  const [from, to] = [toX(start), toX(end)];
  return markup`${parts.map(({ work, microBatch }, index) => {
    const x = from + ((to - from) * index) / parts.length;
    const width = Math.max(0.5, (to - from) / parts.length - 0.6);
    const label = String(microBatch);
    const text =
      label.length * CHARACTER <= width
        ? markup`<text x="${(x + width / 2).toFixed(1)}" y="${row * ROW + 14}" text-anchor="middle" fill="#1a1a1a">${label}</text>`
        : markup``;
    return markup`<g><title>${work} of micro-batch ${label}, ${start.toFixed(2)} to ${end.toFixed(2)} ms</title><rect x="${x.toFixed(1)}" y="${row * ROW}" width="${width.toFixed(1)}" height="${BOX}" fill="${FILLS[work]}"/>${text}</g>`;
  })}`;
}

/** @returns the familiar chart of a pipeline: a row for each rank, micro-batches by their numbers; nothing where there is none. */
export function pipelineSection(chart: PipelineChart | undefined): Markup {
  if (chart === undefined) return markup``;
  const { rows, end } = chart;
  const toX = (time: number): number => LEFT + (time / end) * WIDTH;
  const drawn = rows.map(
    ({ label, cells }, row) =>
      markup`<text x="0" y="${row * ROW + 14}" fill="currentColor">${label}</text>${cells.map((cell) => boxes(cell, row, toX))}`,
  );
  const height = rows.length * ROW + 16;
  const key = Object.entries(FILLS).map(
    ([work, fill], index) =>
      markup`<rect x="${LEFT + index * 170}" y="0" width="12" height="12" fill="${fill}"/><text x="${LEFT + index * 170 + 18}" y="11" fill="currentColor">${work}</text>`,
  );
  return markup`<section aria-labelledby="pipeline-chart-title"><h2 id="pipeline-chart-title">Pipeline</h2>
<div class="layer-box" tabindex="0" role="region" aria-label="Cells of each rank of the pipeline over ${end.toFixed(1)} ms"><svg viewBox="0 0 ${LEFT + WIDTH} ${height}" font-size="11" font-family="sans-serif" role="img" aria-label="A row for each rank, a box for each cell">${drawn}<text x="${LEFT}" y="${height - 2}" fill="currentColor">0</text><text x="${LEFT + WIDTH}" y="${height - 2}" text-anchor="end" fill="currentColor">${end.toFixed(1)} ms</text></svg>
<svg viewBox="0 0 ${LEFT + WIDTH} 14" font-size="11" font-family="sans-serif" aria-hidden="true">${key}</svg></div></section>`;
}
