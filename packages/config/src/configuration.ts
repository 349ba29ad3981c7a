import type { HardwarePreset, ModelPreset } from '@epemu/presets';
import type { z } from 'zod';
import type { CONFIGURATION_SCHEMA } from './schema.js';

/** A run's fully resolved configuration: everything virtual is a pure function of it. */
export type Configuration = Omit<z.infer<typeof CONFIGURATION_SCHEMA>, 'model' | 'hardware'> & {
  readonly model: ModelPreset;
  readonly hardware: HardwarePreset;
};

/** @returns how many nodes the ranks fill. */
export function nodeCount(configuration: Configuration): number {
  return Math.max(1, Math.ceil(configuration.ranks / configuration.hardware.nodeSize));
}

/** @returns how many of the run's first layers are dense: all of the model's in a whole-model run, else none. */
export function denseLayerCount(configuration: Configuration): number {
  return configuration.layers === configuration.model.layers ? configuration.model.denseLayers : 0;
}
