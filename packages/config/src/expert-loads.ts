import { BadInputError, FILE_LIMITS, messageOf, readRegularFile } from '@epemu/core';
import { LineCounter, isNode, parseDocument } from 'yaml';
import { shown } from './explain.js';
import { isPlainObject } from './sources.js';

/** Loads of experts as serving engines count them: rows or tokens, one list a layer. */
export interface ExpertLoads {
  /** The file they are from. */
  readonly source: string;
  readonly layers: readonly (readonly number[])[];
}

/** Loads of a file, and where in it each layer stands. */
export interface LoadsFile extends ExpertLoads {
  /** @returns the line of a layer's loads. */
  readonly lineOf: (layer: number) => number;
}

/** Keys under which engines dump counts: SGLang's recorder has the first. */
const KEYS = ['logical_count', 'expertLoads', 'loads', 'layers'];

/**
 * Reads a file of expert loads, layer × expert. CSV: a line a layer, with or without a header, whose first column may be
 * `layer`; or a line an expert with the header `layer,expert,count`. JSON: a list of lists, also under one of the keys
 * that engines use; a list of such (one a step) is added up.
 *
 * @throws BadInputError naming file and line of what is no load.
 */
export function readExpertLoads(path: string): LoadsFile {
  let text: string;
  try {
    text = readRegularFile(path, FILE_LIMITS.configuration).toString();
  } catch (cause) {
    const message = `expertLoads is ${path}, which cannot be read (${messageOf(cause)}); name a CSV or JSON file`;
    throw new BadInputError('expertLoads', message, { cause });
  }
  const file = /^\s*[[{]/.test(text) ? jsonLoads(path, text) : csvLoads(path, text);
  const [first] = file.layers;
  if (first === undefined) throw new BadInputError('expertLoads', `${path} has no loads; give a row of them a layer`);
  const ragged = file.layers.findIndex(({ length }) => length !== first.length);
  if (ragged >= 0) {
    const problem = `layer ${ragged} has ${file.layers[ragged].length} experts, but layer 0 has ${first.length}`;
    refuse(path, file.lineOf(ragged), `${problem}; give each layer as many`);
  }
  return file;
}

/** @throws BadInputError naming file and line. */
function refuse(path: string, line: number, problem: string): never {
  throw new BadInputError('expertLoads', `${path}, line ${line}: ${problem}`);
}

/** @returns what a load must not be, undefined where it may be that. */
function fault(value: unknown): string | undefined {
  if (value === undefined || value === null || value === '') return 'is missing';
  if (typeof value === 'number' && value >= 0 && value < Infinity) return undefined;
  return `is ${typeof value === 'string' ? value : shown(value)}`;
}

function refuseLoad(
  path: string,
  line: number,
  at: { layer: number | string; expert: number | string },
  problem: string,
): never {
  refuse(path, line, `the load of layer ${at.layer}, expert ${at.expert} ${problem}; give a number of 0 or more`);
}

/** A cell of a CSV file as a number, where it is one. */
function cellOf(text: string): unknown {
  const trimmed = text.trim().replace(/^"(.*)"$/, '$1');
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed) ? Number(trimmed) : trimmed;
}

function csvLoads(path: string, text: string): LoadsFile {
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

/** A JSON text and where its values stand; the text is only searched for a line when one is asked for. */
class JsonText {
  readonly path: string;
  readonly #text: string;

  constructor(path: string, text: string) {
    this.path = path;
    this.#text = text;
  }

  parse(): unknown {
    try {
      return JSON.parse(this.#text) as unknown;
    } catch (cause) {
      const lines = new LineCounter();
      const problem = this.#document(lines)?.errors[0];
      // What YAML takes and JSON does not, as NaN, is found where values are looked at.
      if (problem === undefined) return this.#document(lines)?.toJS({ maxAliasCount: 0 }) as unknown;
      const { line } = lines.linePos(problem.pos[0]);
      const message = `${this.path}, line ${line}: this is no JSON (${messageOf(cause)}); mend its syntax`;
      throw new BadInputError('expertLoads', message, { cause });
    }
  }

  lineOf(keys: readonly (string | number)[]): number {
    const lines = new LineCounter();
    const document = this.#document(lines);
    for (let depth = keys.length; depth > 0; depth--) {
      const node: unknown = document?.getIn(keys.slice(0, depth), true);
      if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
    }
    return 1;
  }

  #document(lineCounter: LineCounter): ReturnType<typeof parseDocument> | undefined {
    try {
      return parseDocument(this.#text, { lineCounter, logLevel: 'error' });
    } catch {
      // Nested deeper than the parser can follow.
      return undefined;
    }
  }
}

function jsonLoads(path: string, text: string): LoadsFile {
  const json = new JsonText(path, text);
  const root = json.parse();
  const key = isPlainObject(root) ? KEYS.find((name) => Object.hasOwn(root, name)) : undefined;
  if (isPlainObject(root) && key === undefined) {
    refuse(path, 1, `none of its keys has loads; give a list of layers, or one under ${KEYS.join(', ')}`);
  }
  const at = key === undefined ? [] : [key];
  const value = key === undefined ? root : (root as Record<string, unknown>)[key];
  if (!Array.isArray(value))
    refuse(path, json.lineOf(at), `${key ?? 'it'} is ${shown(value)}, but it must be a list of layers`);
  const list = value as unknown[];
  const isSteps = Array.isArray(list[0]) && Array.isArray(list[0][0]);
  if (!isSteps)
    return { source: path, layers: layersOf(json, at, list), lineOf: (layer) => json.lineOf([...at, layer]) };
  const steps = list.map((step, index) => {
    if (!Array.isArray(step))
      refuse(path, json.lineOf([...at, index]), `step ${index} is ${shown(step)}, but it must be a list of layers`);
    return layersOf(json, [...at, index], step as unknown[]);
  });
  const odd = steps.findIndex(
    (layers) => layers.length !== steps[0].length || layers.some((of, i) => of.length !== steps[0][i].length),
  );
  if (odd >= 0)
    refuse(path, json.lineOf([...at, odd]), `step ${odd} has other layers or experts than step 0; give all the same`);
  const layers = steps[0].map((of, layer) =>
    of.map((_, expert) => steps.reduce((sum, step) => sum + step[layer][expert], 0)),
  );
  return { source: path, layers, lineOf: (layer) => json.lineOf([...at, 0, layer]) };
}

function layersOf(json: JsonText, at: readonly (string | number)[], list: readonly unknown[]): number[][] {
  return list.map((loads, layer) => {
    const here = [...at, layer];
    if (!Array.isArray(loads)) {
      refuse(json.path, json.lineOf(here), `layer ${layer} is ${shown(loads)}, but it must be a list of loads`);
    }
    return (loads as unknown[]).map((load, expert) => {
      const problem = fault(load);
      if (problem !== undefined) refuseLoad(json.path, json.lineOf([...here, expert]), { layer, expert }, problem);
      return load as number;
    });
  });
}
