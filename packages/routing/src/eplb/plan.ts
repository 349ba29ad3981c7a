import { balancedPacking, replicate } from './pack.js';
import { duplicatesOf, spreadReplicas } from './spread.js';
import type { Duplicate } from './spread.js';

/** Where replicas go: all counts divide as {@link balanceExperts} says. */
export interface EplbShape {
  /** Replicas over all GPUs: a multiple of `gpus`, one for each expert at least. */
  readonly replicas: number;
  /** Expert groups, consecutive experts; divide the experts. */
  readonly groups: number;
  /** Divide the GPUs. */
  readonly nodes: number;
  readonly gpus: number;
}

/** A layer's experts on GPUs. */
export interface LayerPlan {
  /** By place, consecutive ones on a GPU: the expert of which a replica is there. */
  readonly physicalToLogical: readonly number[];
  /** By expert: the places of its replicas. */
  readonly logicalToPhysical: readonly (readonly number[])[];
  readonly replicaCount: readonly number[];
  /** By GPU: load with experts dealt out in order, and with this placement. */
  readonly gpuLoadBefore: readonly number[];
  readonly gpuLoadAfter: readonly number[];
  /** Experts that a GPU holds more than once: there is no other way. */
  readonly duplicates: readonly Duplicate[];
  /** Those that DeepSeek's algorithm as published would place more than once on a GPU. */
  readonly upstreamDuplicates: readonly Duplicate[];
}

/** With regard to expert groups and nodes, or without. */
export const EPLB_POLICIES = ['hierarchical', 'global'] as const;
export type EplbPolicy = (typeof EPLB_POLICIES)[number];

/** @returns how experts are placed: groups on nodes where these divide them, else without regard to both. */
export function eplbPolicy({ groups, nodes }: EplbShape): EplbPolicy {
  return groups % nodes === 0 ? 'hierarchical' : 'global';
}

/**
 * Replicates the experts of a layer and places them on GPUs as DeepSeek's EPLB does. Hierarchical: groups to nodes, then
 * replicas within nodes, then these to the GPUs of the node; global: the same with one node and one group. Where that puts
 * an expert on a GPU twice, experts are given no more replicas than the node has GPUs, and replicas are swapped.
 *
 * @param loads by expert, not negative.
 */
export function balanceExperts(loads: readonly number[], shape: EplbShape): LayerPlan {
  const flat = eplbPolicy(shape) === 'global' ? { ...shape, nodes: 1, groups: 1 } : shape;
  const { replicas, nodes, gpus } = flat;
  const slots = replicas / gpus;
  const weights = Float32Array.from(loads);
  let placed = place(weights, flat, Infinity);
  const upstreamDuplicates = duplicatesOf(placed, slots);
  if (upstreamDuplicates.length > 0) {
    placed = place(weights, flat, gpus / nodes);
    const counts = countsOf(placed, loads.length);
    spreadReplicas(placed, (expert) => loads[expert] / counts[expert], slots, gpus / nodes);
  }
  const replicaCount = countsOf(placed, loads.length);
  const logicalToPhysical = loads.map((): number[] => []);
  const gpuLoadAfter = new Array<number>(gpus).fill(0);
  placed.forEach((expert, physical) => {
    logicalToPhysical[expert].push(physical);
    gpuLoadAfter[Math.floor(physical / slots)] += loads[expert] / replicaCount[expert];
  });
  return {
    physicalToLogical: [...placed],
    logicalToPhysical,
    replicaCount,
    gpuLoadBefore: loadsInOrder(loads, gpus),
    gpuLoadAfter,
    duplicates: duplicatesOf(placed, slots),
    upstreamDuplicates,
  };
}

function countsOf(placed: Int32Array, experts: number): number[] {
  const counts = new Array<number>(experts).fill(0);
  for (const expert of placed) counts[expert]++;
  return counts;
}

/** Consecutive experts on each GPU, as evenly as their number allows: what a run does without EPLB. */
function loadsInOrder(loads: readonly number[], gpus: number): number[] {
  const first = (gpu: number): number => Math.floor((gpu * loads.length) / gpus);
  return Array.from({ length: gpus }, (_, gpu) =>
    loads.slice(first(gpu), first(gpu + 1)).reduce((sum, load) => sum + load, 0),
  );
}

/** @returns by place the expert of its replica. */
function place(loads: Float32Array, { replicas, groups, nodes, gpus }: EplbShape, most: number): Int32Array {
  const experts = loads.length;
  const groupSize = experts / groups;
  const groupLoads = Float32Array.from({ length: groups }, (_, group) =>
    loads.subarray(group * groupSize, (group + 1) * groupSize).reduce((sum, load) => Math.fround(sum + load), 0),
  );
  const onNodes = balancedPacking(groupLoads, nodes);
  const nodeExperts = experts / nodes;
  const nodeReplicas = replicas / nodes;
  const slots = replicas / gpus;
  /** Experts in the order of the nodes that their groups are on. */
  const ordered = new Int32Array(experts);
  for (let expert = 0; expert < experts; expert++) {
    const group = Math.floor(expert / groupSize);
    const at = (onNodes.pack[group] * (groups / nodes) + onNodes.place[group]) * groupSize;
    ordered[at + (expert % groupSize)] = expert;
  }
  const placed = new Int32Array(replicas);
  for (let node = 0; node < nodes; node++) {
    const own = ordered.subarray(node * nodeExperts, (node + 1) * nodeExperts);
    const ownLoads = Float32Array.from(own, (expert) => loads[expert]);
    const { expertOf, count } = replicate(ownLoads, nodeReplicas, most);
    const each = Float32Array.from(expertOf, (expert) => ownLoads[expert] / count[expert]);
    const onGpus = balancedPacking(each, gpus / nodes);
    expertOf.forEach((expert, replica) => {
      placed[node * nodeReplicas + onGpus.pack[replica] * slots + onGpus.place[replica]] = own[expert];
    });
  }
  return placed;
}
