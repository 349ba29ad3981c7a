import { BadInputError, FILE_LIMITS, messageOf, readRegularFile } from '@epemu/core';
import { csvLoads } from './csv.js';
import { jsonLoads } from './json.js';
import { refuse } from './loads-file.js';
import type { LoadsFile } from './loads-file.js';

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
