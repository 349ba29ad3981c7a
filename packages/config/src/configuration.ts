import { KernelCatalogue } from '@epemu/kernels';
import type { KernelLists } from '@epemu/kernels';
import type { HardwarePreset, ModelPreset } from '@epemu/presets';
import type { RouterShape } from '@epemu/core';
import type { z } from 'zod';
import type { CONFIGURATION_SCHEMA } from './schema.js';

/** A run's fully resolved configuration: everything virtual is a pure function of it. */
export type Configuration = Omit<z.infer<typeof CONFIGURATION_SCHEMA>, 'model' | 'hardware' | 'kernels'> & {
  readonly kernels: KernelLists;
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

/** @returns the model's router on the run's ranks, as routing takes it. */
export function routerShapeOf({ model, ranks, hardware }: Configuration): RouterShape {
  return {
    experts: model.experts,
    topK: model.topK,
    groups: model.expertGroups,
    topGroups: model.topGroups,
    groupScoreExperts: model.groupScoreExperts,
    ranks,
    rankSize: model.experts / ranks,
    nodeSize: Math.min(hardware.nodeSize, ranks),
  };
}

/** Made once for all ranks of a process: compiling the lists' expressions takes milliseconds. */
const catalogues = new WeakMap<Configuration, KernelCatalogue>();

/** @returns the kernels of the run's phases, with how long they take on the run's hardware. */
export function catalogueOf(configuration: Configuration): KernelCatalogue {
  let catalogue = catalogues.get(configuration);
  if (catalogue === undefined) {
    catalogue = newCatalogue(configuration);
    catalogues.set(configuration, catalogue);
  }
  return catalogue;
}

function newCatalogue(configuration: Configuration): KernelCatalogue {
  const { model, hardware, ranks, schedule, kernels } = configuration;
  const lowLatency = schedule.phases.some(({ collective }) => collective?.mode === 'low-latency');
  return new KernelCatalogue(hardware, kernels, {
    model,
    ranks,
    nodeSize: hardware.nodeSize,
    gpuSms: hardware.gpu.sms,
    computeSms: schedule.computeSms,
    communicationSms: schedule.communicationSms,
    dispatchBytes: lowLatency ? model.bytesPerToken.lowLatencyDispatch : model.bytesPerToken.dispatch,
    combineBytes: model.bytesPerToken.combine,
  });
}
