import { readdirSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BadInputError, FILE_LIMITS, messageOf, readRegularFile } from '@epemu/core';
import { LineCounter, parseDocument } from 'yaml';
import { placeOf } from './place.js';
import type { Place } from './place.js';

export type PresetKind = 'hardware' | 'model';

const FOLDERS: Readonly<Record<PresetKind, URL>> = {
  hardware: new URL('../data/hardware/', import.meta.url),
  model: new URL('../data/models/', import.meta.url),
};

/** A preset as its file has it. */
export interface PresetFile {
  readonly json: unknown;
  readonly place: Place;
}

/** @returns the names of the built-in presets of a kind, sorted. */
export function builtInNames(kind: PresetKind): string[] {
  return readdirSync(fileURLToPath(FOLDERS[kind]))
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length))
    .sort();
}

/** @returns whether a preset is named by its file: what has a dot or a slash in it is a path. */
export function isPath(name: string): boolean {
  return /[./\\]/.test(name);
}

/** JSON by the engine's own parser; where that fails, by YAML's, which knows lines and reads YAML presets too. */
function parseText(kind: PresetKind, file: string, text: string): unknown {
  // Aliases that multiply, or lead nowhere, and nesting too deep for the stack are thrown, not listed as errors.
  const attempt = <T>(read: () => T): T => {
    try {
      return read();
    } catch (cause) {
      const message = `the ${kind} preset ${file} cannot be read: ${messageOf(cause)}; mend its aliases or nesting`;
      throw new BadInputError(kind, message, { cause });
    }
  };
  try {
    return JSON.parse(text) as unknown;
  } catch {
    const lines = new LineCounter();
    const document = attempt(() => parseDocument(text, { lineCounter: lines, logLevel: 'error' }));
    const problem = document.errors[0];
    if (problem === undefined) return attempt(() => document.toJS({ maxAliasCount: 100 }) as unknown);
    const { line } = lines.linePos(problem.pos[0]);
    const what = (problem.message.split('\n')[0] ?? '').replace(/ at line .*$/, '');
    throw new BadInputError(kind, `the ${kind} preset ${file}, line ${line}, is no JSON: ${what}; mend its syntax`);
  }
}

/**
 * Reads a preset.
 * @param nameOrPath a built-in name, else the path of a JSON or YAML file.
 * @param from the file that names it, which a relative path starts from; absent: the working directory.
 * @throws BadInputError where there is none of that name, or naming file and line of what is no JSON.
 */
export function readPreset(kind: PresetKind, nameOrPath: string, from?: string): PresetFile {
  const names = builtInNames(kind);
  const builtIn = names.includes(nameOrPath);
  if (!builtIn && !isPath(nameOrPath)) {
    const known = names.join(', ');
    throw new BadInputError(kind, `there is no ${kind} preset ${nameOrPath}; choose one of ${known}, or name a file`);
  }
  let file = nameOrPath;
  if (builtIn) file = fileURLToPath(new URL(`${nameOrPath}.json`, FOLDERS[kind]));
  else if (from !== undefined && !isAbsolute(nameOrPath)) file = join(dirname(from), nameOrPath);
  let text: string;
  try {
    text = readRegularFile(file, FILE_LIMITS.configuration).toString();
  } catch (cause) {
    const message = `the ${kind} preset ${file} cannot be read: ${messageOf(cause)}; name a file or a built-in preset`;
    throw new BadInputError(kind, message, { cause });
  }
  return { json: parseText(kind, file, text), place: placeOf(file, text) };
}
