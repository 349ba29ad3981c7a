import { markup, trusted } from '../markup.js';
import type { Markup } from '../markup.js';
import type { HeatChart } from './chart-data.js';

/** The strongest colour: text on it must be read. */
const MOST_SHARE = 60;

/** @returns a table whose cells are coloured by their value: figures of two parameters, to read and to see. */
export function heatMarkup({ xs, ys, values, text, best, xLabel, yLabel }: HeatChart): Markup {
  const all = values.flat().filter((value): value is number => value !== null);
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const rows = ys.map((y, row) => {
    const cells = xs.map((_, column) => {
      const value = values[row][column];
      if (value === null) return markup`<td class="heat-none">–</td>`;
      const share = most === least ? 0 : Math.round((MOST_SHARE * (value - least)) / (most - least));
      const isBest = best?.row === row && best.column === column;
      return markup`<td class="number${isBest ? markup` heat-best` : markup``}" style="background: color-mix(in srgb, var(--heat-cell) ${share}%, var(--surface))">${text(value)}${isBest ? trusted(' <strong>best</strong>') : markup``}</td>`;
    });
    return markup`<tr><th scope="row">${y}</th>${cells}</tr>`;
  });
  return markup`<div class="table-box" tabindex="0" role="region" aria-label="${yLabel} and ${xLabel}"><table class="heat-table">
<thead><tr><th scope="col">${yLabel} \\ ${xLabel}</th>${xs.map((x) => markup`<th scope="col" class="number">${x}</th>`)}</tr></thead>
<tbody>${rows}</tbody></table></div>`;
}
