import { BadInputError, isMapping } from '@epemu/core';
import { refuse } from './check.js';
import { derivedHardware } from './derive.js';
import { derivedModel } from './derive-model.js';
import { checkHardware } from './hardware.js';
import type { HardwarePreset } from './hardware.js';
import { migratedHardware } from './migrate.js';
import { checkModel } from './model.js';
import type { ModelPreset } from './model.js';
import { placeWithoutText } from './place.js';
import type { Place } from './place.js';
import { builtInNames, readPreset } from './preset-file.js';
import type { PresetKind } from './preset-file.js';

/** @returns the names of the built-in hardware presets, sorted. */
export function hardwareNames(): string[] {
  return builtInNames('hardware');
}

/** @returns the names of the built-in model presets, sorted. */
export function modelNames(): string[] {
  return builtInNames('model');
}

/** Files whose bases are being read, for a base that leads back to one of them. */
type Derived = readonly string[];

function baseOf<Preset>(
  kind: PresetKind,
  json: unknown,
  place: Place,
  derived: Derived,
  whole: (json: unknown, place: Place, derived: Derived) => Preset,
): Preset | undefined {
  if (!isMapping(json) || json['base'] === undefined) return undefined;
  const name = json['base'];
  if (typeof name !== 'string' || name === '')
    refuse(json, place, ['base'], `name a built-in ${kind} preset or a file`);
  const base = readPreset(kind, name, place.isPath ? place.file : undefined);
  const chain = [...derived, place.file];
  if (chain.includes(base.place.file)) {
    const message = `the ${kind} preset ${place.file} has the base ${name}, which is derived from it; name another`;
    throw new BadInputError('base', message);
  }
  return whole(base.json, base.place, chain);
}

function wholeHardware(read: unknown, place: Place, derived: Derived): HardwarePreset {
  const json = migratedHardware(read);
  const base = baseOf('hardware', json, place, derived, wholeHardware);
  return checkHardware(base === undefined ? json : derivedHardware(json, base, place), place);
}

function wholeModel(json: unknown, place: Place, derived: Derived): ModelPreset {
  const base = baseOf('model', json, place, derived, wholeModel);
  return checkModel(base === undefined || !isMapping(json) ? json : derivedModel(json, { ...base }, place), place);
}

/**
 * Checks a hardware preset, made whole first where it names a `base`.
 * @param file where it comes from, for messages.
 * @throws BadInputError naming file and key.
 */
export function parseHardware(json: unknown, file: string): HardwarePreset {
  return wholeHardware(json, placeWithoutText(file), []);
}

/**
 * Checks a model preset, made whole first where it names a `base`.
 * @param file where it comes from, for messages.
 * @throws BadInputError naming file and key.
 */
export function parseModel(json: unknown, file: string): ModelPreset {
  return wholeModel(json, placeWithoutText(file), []);
}

/**
 * Loads a hardware preset.
 * @param nameOrPath a built-in name (`h800`) or the path of a JSON or YAML file.
 * @throws BadInputError where there is none of that name, or naming the file's line and key that is wrong.
 */
export function loadHardware(nameOrPath: string): HardwarePreset {
  const { json, place } = readPreset('hardware', nameOrPath);
  return wholeHardware(json, place, []);
}

/**
 * Loads a model preset.
 * @param nameOrPath a built-in name (`deepseek-v3`) or the path of a JSON or YAML file.
 * @throws BadInputError where there is none of that name, or naming the file's line and key that is wrong.
 */
export function loadModel(nameOrPath: string): ModelPreset {
  const { json, place } = readPreset('model', nameOrPath);
  return wholeModel(json, place, []);
}
