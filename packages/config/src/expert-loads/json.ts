import { BadInputError, messageOf, isMapping } from '@epemu/core';
import { LineCounter, isNode, parseDocument } from 'yaml';
import { shown } from '../explain.js';
import { fault, refuse, refuseLoad } from './loads-file.js';
import type { LoadsFile } from './loads-file.js';

/** Keys under which engines dump counts: SGLang's recorder has the first. */
const KEYS = ['logical_count', 'expertLoads', 'loads', 'layers'];

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

/** Reads loads from JSON, see `readExpertLoads`. @throws BadInputError naming file and line. */
export function jsonLoads(path: string, text: string): LoadsFile {
  const json = new JsonText(path, text);
  const root = json.parse();
  const key = isMapping(root) ? KEYS.find((name) => Object.hasOwn(root, name)) : undefined;
  if (isMapping(root) && key === undefined) {
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
