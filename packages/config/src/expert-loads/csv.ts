import { shown } from '../explain.js';
import { fault, refuse, refuseLoad } from './loads-file.js';
import type { LoadsFile } from './loads-file.js';

/** A cell of a CSV file as a number, where it is one. */
function cellOf(text: string): unknown {
  const trimmed = text.trim().replace(/^"(.*)"$/, '$1');
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed) ? Number(trimmed) : trimmed;
}

/** Reads loads from CSV, see `readExpertLoads`. @throws BadInputError naming file and line. */
export function csvLoads(path: string, text: string): LoadsFile {
  const rows = text
    .split(/\r?\n/)
    .map((content, index) => ({ content, line: index + 1 }))
    .filter(({ content }) => content.trim() !== '' && !content.startsWith('#'))
    .map(({ content, line }) => ({ line, cells: content.split(/[,;\t]/).map(cellOf) }));
  const names = rows[0]?.cells.map((cell) => String(cell).toLowerCase()) ?? [];
  const hasHeader = rows.length > 0 && rows[0].cells.every((cell) => typeof cell === 'string' && cell !== '');
  // Names of experts may be numbers; then the word in front of them tells a header.
  const body = hasHeader || names[0] === 'layer' ? rows.slice(1) : rows;
  if (names.length === 3 && names[0] === 'layer' && names[1] === 'expert') return listedLoads(path, body);
  const from = names[0] === 'layer' ? 1 : 0;
  const width = Math.max(...rows.slice(0, 1).map(({ cells }) => cells.length));
  body.forEach(({ line, cells }, layer) => {
    if (cells.length < width) refuseLoad(path, line, { layer, expert: cells.length - from }, 'is missing');
    cells.slice(from).forEach((cell, expert) => {
      const problem = fault(cell);
      if (problem !== undefined) refuseLoad(path, line, { layer, expert }, problem);
    });
  });
  const sorted = from === 0 ? body : inOrder(path, body);
  return {
    source: path,
    layers: sorted.map(({ cells }) => cells.slice(from) as number[]),
    lineOf: (layer) => sorted[layer].line,
  };
}

interface CsvRow {
  readonly line: number;
  readonly cells: readonly unknown[];
}

/** @returns rows that begin with their layer's number, ascending. */
function inOrder(path: string, rows: readonly CsvRow[]): CsvRow[] {
  const seen = new Map<number, number>();
  for (const { line, cells } of rows) {
    const layer = layerNumber(path, line, cells[0]);
    const earlier = seen.get(layer);
    if (earlier !== undefined) refuse(path, line, `layer ${layer} is also in line ${earlier}; give it once`);
    seen.set(layer, line);
  }
  return [...rows].sort((a, b) => Number(a.cells[0]) - Number(b.cells[0]));
}

function layerNumber(path: string, line: number, cell: unknown): number {
  if (typeof cell === 'number' && Number.isSafeInteger(cell) && cell >= 0) return cell;
  refuse(path, line, `layer is ${shown(cell)}, but it must be a whole number from 0 on`);
}

/** Lines of `layer, expert, count`. */
function listedLoads(path: string, rows: readonly CsvRow[]): LoadsFile {
  const layers = new Map<number, { line: number; loads: number[] }>();
  for (const { line, cells } of rows) {
    const layer = layerNumber(path, line, cells[0]);
    const [, expert, count] = cells;
    if (typeof expert !== 'number' || !Number.isSafeInteger(expert) || expert < 0 || expert > 65_535) {
      refuse(path, line, `expert is ${shown(expert)}, but it must be a whole number from 0 on`);
    }
    const problem = fault(count);
    if (problem !== undefined) refuseLoad(path, line, { layer, expert }, problem);
    const ofLayer = layers.get(layer) ?? { line, loads: [] };
    layers.set(layer, ofLayer);
    if (ofLayer.loads[expert] !== undefined) refuse(path, line, `layer ${layer}, expert ${expert} is there twice`);
    ofLayer.loads[expert] = count as number;
  }
  const sorted = [...layers].sort(([a], [b]) => a - b);
  const experts = Math.max(0, ...sorted.map(([, { loads }]) => loads.length));
  for (const [layer, { line, loads }] of sorted) {
    const missing = Array.from({ length: experts }, (_, expert) => expert).find(
      (expert) => loads[expert] === undefined,
    );
    if (missing !== undefined) refuseLoad(path, line, { layer, expert: missing }, 'is missing');
  }
  return {
    source: path,
    layers: sorted.map(([, { loads }]) => loads),
    lineOf: (layer) => sorted[layer][1].line,
  };
}
