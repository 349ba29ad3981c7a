import { markup, type Markup } from '../markup.js';
import type { PageTable } from '../page-data.js';
import { charactersOf } from '../plain-text.js';

/** Rows that are shown before the rest is folded. */
const SHOWN_ROWS = 40;
/** Characters up to which a row's name is never cut. */
const SHORT_NAME = 34;
/** Tables with as many columns, or with names as long, have no room beside another one. */
const WIDE_COLUMNS = 6;
const WIDE_NAME = 28;

type Column = PageTable['columns'][number];
type Row = PageTable['rows'][number];

/** @returns whether a signed cell is better or worse than what it is compared with; undefined where it is neither. */
export function verdictOf({ align }: Column, cell: string, better: Row['better']): 'better' | 'worse' | undefined {
  if (align !== 'delta' || better === undefined || !/[1-9]/.test(cell)) return undefined;
  if (/^[-−]/.test(cell)) return better === 'less' ? 'better' : 'worse';
  return /^\+/.test(cell) ? (better === 'more' ? 'better' : 'worse') : undefined;
}

function signClass(column: Column, cell: string, better?: Row['better']): string {
  const { align } = column;
  if (align === 'left') return 'left';
  if (align === 'right' || !/[1-9]/.test(cell)) return 'number';
  const verdict = verdictOf(column, cell, better);
  if (verdict !== undefined) return `number ${verdict}`;
  if (/^[-−]/.test(cell)) return 'number falls';
  return /^\+/.test(cell) ? 'number rises' : 'number';
}

function tableRow({ columns }: PageTable, { cells, flagged, better }: Row): Markup {
  const body = cells.map((cell, column) => {
    const kind = signClass(columns[column] ?? { label: '', align: 'left' }, cell, better);
    // The mark says without colour what the colour says.
    const text =
      column === 0 && flagged ? markup`<span class="flag" title="Stands out">▲ </span>${cell}` : markup`${cell}`;
    if (column > 0) return markup`<td class="${kind}">${text}</td>`;
    // Endless names of generated code would push the numbers out of sight.
    const title = charactersOf(cell).length <= SHORT_NAME ? markup`` : markup` title="${cell}"`;
    return markup`<th scope="row" class="${kind}"${title}><div class="row-name">${text}</div></th>`;
  });
  return markup`<tr${flagged ? markup` class="flagged"` : markup``}>${body}</tr>
`;
}

/** @returns a table in a box that scrolls sideways; rows beyond the fortieth are folded. */
export function tableBox(table: PageTable): Markup {
  const { id, title, columns, rows } = table;
  const heads = columns.map((column) => markup`<th scope="col" class="${signClass(column, '')}">${column.label}</th>`);
  // Folding away a row or two saves nothing.
  const folded = rows.slice(SHOWN_ROWS);
  const flagged = folded.filter((row) => row.flagged).length;
  const more = flagged === 0 ? '' : `, ${flagged} of those below stand out`;
  const fold = markup`<tbody id="rest-${id}" hidden>${folded.map((row) => tableRow(table, row))}</tbody>`;
  const button = markup`<button type="button" class="unfold" data-unfold="rest-${id}" aria-expanded="false">Show all ${rows.length} rows${more}</button>`;
  return markup`<div class="table-box" tabindex="0" role="region" aria-label="${title}">
<table id="${id}"><thead><tr>${heads}</tr></thead>
<tbody>${rows.slice(0, SHOWN_ROWS).map((row) => tableRow(table, row))}</tbody>
${folded.length > 0 ? fold : markup``}</table></div>
${folded.length > 0 ? button : markup``}`;
}

function isWide({ columns, rows }: PageTable): boolean {
  return columns.length >= WIDE_COLUMNS || rows.some(({ cells }) => charactersOf(cells[0] ?? '').length > WIDE_NAME);
}

/** @returns a table with its heading and note. */
export function tableSection(table: PageTable): Markup {
  if (table.rows.length === 0) return markup``;
  const note = table.note === '' ? markup`` : markup`<p class="note">${table.note}</p>`;
  const wide = isWide(table) ? markup` class="wide"` : markup``;
  return markup`<section${wide} aria-labelledby="title-${table.id}"><h2 id="title-${table.id}">${table.title}</h2>
${note}${tableBox(table)}</section>`;
}
