import { KernelCatalogue } from '@epemu/kernels';
import type { KernelLists } from '@epemu/kernels';
import type { HardwarePreset, ModelPreset } from '@epemu/presets';
import type { RouterShape } from '@epemu/core';
import type * as z from 'zod';
import { rolesOf } from './roles.js';
import type { Group } from './roles.js';
import type { CONFIGURATION_SCHEMA } from './schema.js';

/** A run's fully resolved configuration: everything virtual is a pure function of it. */
export type Configuration = Omit<z.infer<typeof CONFIGURATION_SCHEMA>, 'model' | 'hardware' | 'kernels'> & {
  readonly kernels: KernelLists;
  readonly model: ModelPreset;
  readonly hardware: HardwarePreset;
};

/** @returns what people are shown of a configuration: of loads and KV lengths the file's name, which stands for them. */
export function shownConfiguration(configuration: Configuration): Readonly<Record<string, unknown>> {
  const { expertLoads, kvLengths } = configuration;
  return {
    ...configuration,
    ...(expertLoads === undefined ? {} : { expertLoads: expertLoads.source }),
    ...(kvLengths === undefined ? {} : { kvLengths: kvLengths.source }),
  };
}

/** @returns how many nodes the ranks fill. */
export function nodeCount(configuration: Configuration): number {
  return Math.max(1, Math.ceil(configuration.ranks / configuration.hardware.nodeSize));
}

/** @returns how many of the run's first layers are dense: all of the model's in a whole-model run, else none. */
export function denseLayerCount(configuration: Configuration): number {
  return configuration.layers === configuration.model.layers ? configuration.model.denseLayers : 0;
}

/** @returns whether a layer of the run is dense; those before and behind the run's, which warm it up, are not. */
export function isDenseLayer(configuration: Configuration, layer: number): boolean {
  return layer >= 0 && layer < denseLayerCount(configuration);
}

/** @returns experts of a layer over all ranks that hold any, redundant replicas included. */
export function placedExperts({ model, redundantExperts = 0 }: Configuration): number {
  return model.experts + redundantExperts;
}

/** @returns the model's router on the ranks of a group that hold its experts, as routing takes it. */
export function routerShapeOf(configuration: Configuration, group: Group): RouterShape {
  const { model, hardware } = configuration;
  const holders = group.expertRanks;
  const node = Math.floor(holders[0] / hardware.nodeSize);
  return {
    experts: model.experts,
    topK: model.topK,
    groups: model.expertGroups,
    topGroups: model.topGroups,
    groupScoreExperts: model.groupScoreExperts,
    ranks: holders.length,
    rankSize: model.experts / holders.length,
    nodeSize: holders.filter((rank) => Math.floor(rank / hardware.nodeSize) === node).length,
    scoring: model.scoring,
  };
}

/** Made once for all ranks of a process: compiling the lists' expressions takes milliseconds. */
const catalogues = new WeakMap<Configuration, Map<string, KernelCatalogue>>();

/**
 * @param group whose ranks and experts sizes are of; by default that of the first role.
 * @returns the kernels of the run's phases, with how long they take on the run's hardware.
 */
export function catalogueOf(configuration: Configuration, group = rolesOf(configuration)[0].group): KernelCatalogue {
  const ofGroups = catalogues.get(configuration) ?? new Map<string, KernelCatalogue>();
  catalogues.set(configuration, ofGroups);
  let catalogue = ofGroups.get(group.name);
  if (catalogue === undefined) ofGroups.set(group.name, (catalogue = newCatalogue(configuration, group)));
  return catalogue;
}

function newCatalogue(configuration: Configuration, group: Group): KernelCatalogue {
  const { model, hardware, schedule, kernels } = configuration;
  const lowLatency = schedule.phases.some(({ collective }) => collective?.mode === 'low-latency');
  return new KernelCatalogue(hardware, kernels, {
    model,
    ranks: group.ranks.length,
    expertRanks: group.expertRanks.length,
    redundantExperts: configuration.redundantExperts ?? 0,
    nodeSize: hardware.nodeSize,
    gpuSms: hardware.gpu.sms,
    computeSms: schedule.computeSms,
    communicationSms: schedule.communicationSms,
    dispatchBytes: lowLatency ? model.bytesPerToken.lowLatencyDispatch : model.bytesPerToken.dispatch,
    combineBytes: model.bytesPerToken.combine,
  });
}
