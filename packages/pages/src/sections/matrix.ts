import { dataBlock, markup, type Markup } from '../markup.js';
import { LARGEST_CELL, MATRIX_MARGIN, WIDEST_MATRIX } from '../matrix-size.js';
import type { ByteMatrix, PageTable } from '../page-data.js';
import { formatBytes } from '../units.js';
import { tableBox } from './tables.js';

function nodeTable({ ranks, nodeSize, bytes }: ByteMatrix): PageTable {
  const nodes = Math.ceil(ranks / nodeSize);
  const sums = Array.from({ length: nodes }, () => new Array<number>(nodes).fill(0));
  bytes.forEach((count, i) => {
    sums[Math.floor(Math.floor(i / ranks) / nodeSize)][Math.floor((i % ranks) / nodeSize)] += count;
  });
  return {
    id: 'node-bytes',
    title: 'Bytes between nodes',
    note: '',
    columns: [
      { label: 'From \\ to', align: 'left' },
      ...sums.map((_, node) => ({ label: `node ${node}`, align: 'right' as const })),
    ],
    rows: sums.map((row, node) => ({ cells: [`node ${node}`, ...row.map(formatBytes)], flagged: false })),
  };
}

/** @returns the heat map of bytes between ranks, and bytes between nodes as a table. */
export function matrixSection(matrix: ByteMatrix | null): Markup {
  if (matrix === null || matrix.bytes.every((bytes) => bytes === 0)) return markup``;
  const width = Math.min(MATRIX_MARGIN + matrix.ranks * LARGEST_CELL + 2, WIDEST_MATRIX);
  const total = matrix.bytes.reduce((sum, bytes) => sum + bytes, 0);
  const largest = matrix.bytes.reduce((most, bytes) => Math.max(most, bytes), 0);
  return markup`<section aria-labelledby="matrix-title"><h2 id="matrix-title">Bytes between ranks</h2>
<p class="note">From rank (row) to rank (column); ${formatBytes(total)} in all. Lines part nodes of ${matrix.nodeSize} GPUs. Arrow keys move from cell to cell.</p>
<div class="matrix" style="--map-width:${width}px"><div class="matrix-map"><canvas id="matrix-canvas" tabindex="0" role="application" aria-label="Heat map of bytes from each of ${matrix.ranks} ranks to each; the table of nodes gives the sums"></canvas></div>
<div class="matrix-side"><p id="matrix-cell" class="matrix-cell" role="status">Point at a cell to read it.</p>
<div class="matrix-legend"><div class="ramp" aria-hidden="true"></div><div class="ramp-labels"><span>0 B</span><span>${formatBytes(largest / 2)}</span><span>${formatBytes(largest)}</span></div></div>
<h3>Bytes between nodes</h3>${tableBox(nodeTable(matrix))}</div></div>
${dataBlock('matrix-data', matrix)}</section>`;
}
