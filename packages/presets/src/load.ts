import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { BadInputError, messageOf } from '@epemu/core';
import { parseHardware } from './hardware.js';
import type { HardwarePreset } from './hardware.js';
import { parseModel } from './model.js';
import type { ModelPreset } from './model.js';

type Kind = 'hardware' | 'model';

const FOLDERS: Readonly<Record<Kind, URL>> = {
  hardware: new URL('../data/hardware/', import.meta.url),
  model: new URL('../data/models/', import.meta.url),
};

function builtInNames(kind: Kind): string[] {
  return readdirSync(fileURLToPath(FOLDERS[kind]))
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length))
    .sort();
}

/** Reads a preset's JSON: built in by name, else a file (what has a dot or a slash in it is a path). */
function readPreset(kind: Kind, nameOrPath: string): { json: unknown; file: string } {
  const names = builtInNames(kind);
  const builtIn = names.includes(nameOrPath);
  if (!builtIn && !/[./\\]/.test(nameOrPath)) {
    const known = names.join(', ');
    throw new BadInputError(kind, `there is no ${kind} preset ${nameOrPath}; choose one of ${known}, or name a file`);
  }
  const file = builtIn ? fileURLToPath(new URL(`${nameOrPath}.json`, FOLDERS[kind])) : nameOrPath;
  try {
    return { json: JSON.parse(readFileSync(file, 'utf8')) as unknown, file };
  } catch (error) {
    throw new BadInputError(kind, `the ${kind} preset ${file} cannot be read as JSON: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** @returns the names of the built-in hardware presets, sorted. */
export function hardwareNames(): string[] {
  return builtInNames('hardware');
}

/** @returns the names of the built-in model presets, sorted. */
export function modelNames(): string[] {
  return builtInNames('model');
}

/**
 * Loads a hardware preset.
 * @param nameOrPath a built-in name (`h800`) or the path of a JSON file.
 * @throws BadInputError where there is none of that name, or naming the file's key that is wrong.
 */
export function loadHardware(nameOrPath: string): HardwarePreset {
  const { json, file } = readPreset('hardware', nameOrPath);
  return parseHardware(json, file);
}

/**
 * Loads a model preset.
 * @param nameOrPath a built-in name (`deepseek-v3`) or the path of a JSON file.
 * @throws BadInputError where there is none of that name, or naming the file's key that is wrong.
 */
export function loadModel(nameOrPath: string): ModelPreset {
  const { json, file } = readPreset('model', nameOrPath);
  return parseModel(json, file);
}
