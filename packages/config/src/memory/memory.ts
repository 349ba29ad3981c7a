import { largest } from '@epemu/core';
import type { Configuration } from '../configuration.js';
import type { KvPrecision } from '../schema.js';
import { isAutoregressive, microBatchesOfRanks } from '../workload.js';
import { activationBytes } from './activations.js';
import { bufferBytes } from './buffers.js';
import { holdingsOf } from './holding.js';
import type { Holding } from './holding.js';
import { parametersOf } from './parameters.js';
import { BF16, KV_BYTES, WEIGHT_BYTES } from './precision.js';
import { GRADIENT_BYTES, OPTIMISER_BYTES, TRAINING_RECIPE } from './training.js';

/** Parts of what a GPU holds, in the order in which they are told. */
export const MEMORY_PARTS = [
  'expertWeights',
  'otherWeights',
  'embedding',
  'gradients',
  'optimiser',
  'kvCache',
  'activations',
  'buffers',
  'reserved',
] as const;
export type MemoryPart = (typeof MEMORY_PARTS)[number];

/** What the fullest GPU of a run holds, against what it has. */
export interface MemoryUse {
  /** Null where the hardware preset does not say its `memoryGB`. */
  readonly fits: boolean | null;
  /** GB of 10⁹ bytes on one GPU; `capacity` is what the device has. */
  readonly gigabytes: Readonly<Record<MemoryPart | 'total', number>> & { readonly capacity: number | null };
  /** The part, but for what is reserved, that takes most. */
  readonly largest: MemoryPart;
  readonly kvPrecision: KvPrecision;
  /** Role of the fullest rank, where a run has roles. */
  readonly role?: string;
  /** What training keeps, and where that is published; absent while serving. */
  readonly recipe?: string;
}

type Parts = Record<MemoryPart, number>;

/** @returns what a token keeps in the KV cache of one layer, bytes: MLA's latent and rotary key, or keys and values. */
export function kvBytesPerToken({ model: { attention: shape }, kvPrecision }: Configuration): number {
  const values = shape.kind === 'mla' ? shape.kvLoraRank + shape.ropeHeadDim : 2 * shape.kvHeads * shape.headDim;
  return values * KV_BYTES[kvPrecision];
}

/** Tokens in the fullest rank's KV cache: the prompts' of a prefill; in decode each request's after the last step. */
function cachedTokens(configuration: Configuration): number {
  const { family, promptLengths, rankPrompts, steps } = configuration;
  if (family === 'training') return 0;
  if (promptLengths !== undefined) {
    const ofRanks = (rankPrompts ?? [promptLengths]).map((lengths) => lengths.reduce((sum, length) => sum + length, 0));
    return largest(ofRanks) * steps;
  }
  if (!isAutoregressive(configuration)) return 0;
  // Pairs of the first step are what requests have cached before it.
  const ofRanks = microBatchesOfRanks({ ...configuration, steps: 1 }).map((batches) =>
    batches.reduce((sum, { tokens, attentionPairs }) => sum + attentionPairs + tokens * steps, 0),
  );
  return largest(ofRanks);
}

function partsOf(configuration: Configuration, holding: Holding): Parts {
  const { model, family, hardware, reservedMemoryShare } = configuration;
  const count = parametersOf(model);
  const { moeLayers, denseLayers, experts } = holding;
  const layers = moeLayers + denseLayers;
  const isTraining = family === 'training';
  const { experts: expertPrecision, others } = model.weightPrecision;
  // Training multiplies in FP8 whatever a checkpoint has, and recomputes the up-projections in FP8 as well.
  const expertBytes = WEIGHT_BYTES[isTraining ? 'fp8' : expertPrecision];
  const otherBytes = WEIGHT_BYTES[isTraining ? 'fp8' : others];
  const ofExperts = moeLayers * experts * count.expert;
  const ofAttention = holding.attention ? layers * count.attention + denseLayers * count.dense : 0;
  const inBf16 = holding.attention ? moeLayers * count.router + (isTraining ? 0 : layers * count.attentionUp) : 0;
  const multiplied = ofAttention - (isTraining ? 0 : holding.attention ? layers * count.attentionUp : 0);
  const ofShared = holding.shared ? moeLayers * count.shared : 0;
  const embedding = ((holding.embedding ? 1 : 0) + (holding.head ? 1 : 0)) * count.embedding;
  const dataParallel = ofAttention + ofShared + (holding.attention ? moeLayers * count.router : 0) + embedding;
  // Expert weights have no replica inside their group, so that their optimiser state is not shared out.
  const sharedOut = ofExperts + dataParallel / holding.role.group.ranks.length;
  return {
    expertWeights: ofExperts * expertBytes,
    otherWeights: (multiplied + ofShared) * otherBytes + inBf16 * BF16,
    embedding: embedding * BF16,
    gradients: isTraining ? (ofExperts + dataParallel) * GRADIENT_BYTES : 0,
    optimiser: isTraining ? sharedOut * OPTIMISER_BYTES : 0,
    kvCache: holding.attention ? cachedTokens(configuration) * layers * kvBytesPerToken(configuration) : 0,
    activations: activationBytes(configuration, holding),
    buffers: bufferBytes(configuration, holding.role),
    reserved: (hardware.memoryGB ?? 0) * 1e9 * reservedMemoryShare,
  };
}

const sumOf = (parts: Parts): number => MEMORY_PARTS.reduce((sum, part) => sum + parts[part], 0);
const gigabytes = (bytes: number): number => Number((bytes / 1e9).toFixed(3));

const computed = new WeakMap<Configuration, MemoryUse>();

/** @returns what the fullest GPU of a run holds of the whole model, its KV cache and what it works on. */
export function memoryOf(configuration: Configuration): MemoryUse {
  const known = computed.get(configuration);
  if (known !== undefined) return known;
  const { hardware, family, kvPrecision, roles } = configuration;
  const [fullest] = holdingsOf(configuration)
    .map((holding) => ({ holding, parts: partsOf(configuration, holding) }))
    .sort((a, b) => sumOf(b.parts) - sumOf(a.parts));
  const { parts, holding } = fullest;
  const capacity = hardware.memoryGB ?? null;
  const shown = Object.fromEntries(MEMORY_PARTS.map((part) => [part, gigabytes(parts[part])])) as Parts;
  const [largest] = MEMORY_PARTS.filter((part) => part !== 'reserved').sort((a, b) => parts[b] - parts[a]);
  const use: MemoryUse = {
    fits: capacity === null ? null : sumOf(parts) <= capacity * 1e9,
    // Of what is shown, so that the parts add up.
    gigabytes: { ...shown, total: Number(sumOf(shown).toFixed(3)), capacity },
    largest,
    kvPrecision,
    ...(roles === undefined ? {} : { role: holding.role.name }),
    ...(family === 'training' ? { recipe: TRAINING_RECIPE } : {}),
  };
  computed.set(configuration, use);
  return use;
}

/** What a rank of a role holds of a pipeline: GB of 10⁹ bytes on one of its GPUs. */
export interface RoleMemory {
  readonly name: string;
  /** Weights. */
  readonly parametersGB: number;
  /** What it works on, and what it keeps for the way back of `chunks` stages' activations. */
  readonly activationsGB: number;
  readonly chunks: number;
}

/** @returns what ranks of each role hold. */
export function memoryOfRoles(configuration: Configuration): readonly RoleMemory[] {
  return holdingsOf(configuration).map((holding) => {
    const { expertWeights, otherWeights, embedding, activations } = partsOf(configuration, holding);
    const parametersGB = gigabytes(expertWeights + otherWeights + embedding);
    const { name } = holding.role;
    return { name, parametersGB, activationsGB: gigabytes(activations), chunks: holding.kept?.chunks ?? 1 };
  });
}
