import { BadInputError, isMapping } from '@epemu/core';
import type { HardwarePreset } from './hardware.js';
import { hardwareNames, loadHardware, loadModel, modelNames } from './load.js';
import type { ModelPreset } from './model.js';
import { isPath, readPreset } from './preset-file.js';

/** A preset of either kind. */
export type AnyPreset =
  | { readonly kind: 'hardware'; readonly preset: HardwarePreset }
  | { readonly kind: 'model'; readonly preset: ModelPreset };

/** Keys that only a model has; a derived one may have none of them, but then names a model. */
const MODEL_KEYS = ['hidden', 'layers', 'experts', 'topK', 'attention', 'bytesPerToken'];

function isModelFile(path: string): boolean {
  const { json } = readPreset('hardware', path);
  if (!isMapping(json)) return false;
  return MODEL_KEYS.some((key) => Object.hasOwn(json, key)) || modelNames().some((name) => name === json['base']);
}

/**
 * Loads a preset of either kind.
 * @param nameOrPath a built-in name, or the path of a JSON or YAML file.
 * @throws BadInputError where there is none of that name, or naming the file's line and key that is wrong.
 */
export function loadPreset(nameOrPath: string): AnyPreset {
  const models = modelNames();
  const known = [...hardwareNames(), ...models];
  if (!known.includes(nameOrPath) && !isPath(nameOrPath)) {
    const message = `there is no preset ${nameOrPath}; choose one of ${known.join(', ')}, or name a file`;
    throw new BadInputError('name', message);
  }
  const isModel = known.includes(nameOrPath) ? models.includes(nameOrPath) : isModelFile(nameOrPath);
  return isModel
    ? { kind: 'model', preset: loadModel(nameOrPath) }
    : { kind: 'hardware', preset: loadHardware(nameOrPath) };
}
