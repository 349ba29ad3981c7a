import { existsSync, readFileSync } from 'node:fs';
import { BadInputError } from '@epemu/core';
import { LineCounter, isMap, isNode, isScalar, isSeq, parseDocument } from 'yaml';
import type { Document, Node } from 'yaml';
import { CONFIGURATION_SCHEMA } from './schema.js';
import { YAML_OPTIONS } from './sources.js';

/**
 * Says where in a scenario file the fault of a refused configuration stands.
 *
 * @param scenario what was to be run: a scenario's name, or a file.
 * @param elsewhere keys that flags, settings or the environment set: of these the file is not to blame.
 * @returns the error with file and line before its sentence; the error itself where the file has no part in it.
 */
export function locatedInFile(error: unknown, scenario: string, elsewhere: ReadonlySet<string>): unknown {
  if (!(error instanceof BadInputError) || !/[./\\]/.test(scenario) || !existsSync(scenario)) return error;
  const { field, message } = error;
  const path = pathOf(field);
  const key = path[0];
  if (key === undefined || elsewhere.has(key) || !Object.hasOwn(CONFIGURATION_SCHEMA.shape, key)) return error;
  const lines = new LineCounter();
  const document = parseDocument(readFileSync(scenario, 'utf8'), { lineCounter: lines, ...YAML_OPTIONS });
  const offset = offsetOf(document, path);
  const where = offset === undefined ? scenario : `${scenario}, line ${lines.linePos(offset).line}`;
  return new BadInputError(field, `${where}: ${message}`, { cause: error });
}

/** `schedule.phases (MLP(0))` as keys, the phase by its name. */
function pathOf(field: string): string[] {
  const named = /^([\w.-]+) \((.+)\)$/.exec(field);
  if (named === null) return field.split('.');
  return [...named[1].split('.'), named[2]];
}

/** Where the last of the keys that the document has stands; undefined where it has not even the first. */
function offsetOf(document: Document, path: readonly string[]): number | undefined {
  let node: unknown = document.contents;
  let offset: number | undefined;
  for (const key of path) {
    const found = inside(document, node, key);
    if (found === undefined) break;
    offset = found.at.range?.[0] ?? offset;
    node = found.value;
  }
  return offset;
}

/** The value of a key or an index, or the item of that name; and what to point at. */
function inside(document: Document, outer: unknown, key: string): { at: Node; value: unknown } | undefined {
  const node =
    isNode(outer) && 'resolve' in outer ? (outer as { resolve(doc: Document): unknown }).resolve(document) : outer;
  if (isMap(node)) {
    const pair = node.items.find(({ key: name }) => isScalar(name) && String(name.value) === key);
    return pair !== undefined && isNode(pair.key) ? { at: pair.key, value: pair.value } : undefined;
  }
  if (!isSeq(node)) return undefined;
  const item = /^\d+$/.test(key)
    ? node.items[Number(key)]
    : node.items.find((entry) => isMap(entry) && entry.get('name') === key);
  return isNode(item) ? { at: item, value: item } : undefined;
}
