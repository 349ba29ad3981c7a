import { SCORINGS } from '@epemu/core';
import * as z from 'zod';
import { COUNT, COUNT_OR_NONE, wholeFrom } from './bounds.js';
import { parsePreset, refuse } from './check.js';
import type { Place } from './place.js';
import { wordsForUnion } from './remedy.js';
import { MODEL_PRESET_VERSION } from './version.js';

/** Bytes of one token in a message. */
const TOKEN_BYTES = wholeFrom(1, 1e7);

/** What weights are stored as. */
export const WEIGHT_PRECISIONS = ['bf16', 'fp8', 'mxfp4'] as const;
export type WeightPrecision = (typeof WEIGHT_PRECISIONS)[number];

/** Multi-head latent attention: low-rank projections of queries, and of keys and values together. */
const MLA_SCHEMA = z.strictObject({
  kind: z.literal('mla'),
  heads: COUNT,
  qLoraRank: COUNT,
  kvLoraRank: COUNT,
  nopeHeadDim: COUNT,
  ropeHeadDim: COUNT,
  valueHeadDim: COUNT,
});

/** Grouped-query attention: several query heads share one of keys and values. */
const GQA_SCHEMA = z.strictObject({
  kind: z.literal('gqa'),
  heads: COUNT,
  kvHeads: COUNT,
  headDim: COUNT,
});

const MODEL_SCHEMA = z.strictObject({
  version: MODEL_PRESET_VERSION,
  name: z.string().min(1),
  description: z.string().optional(),
  hidden: wholeFrom(1, 1e6),
  /** All layers, the dense ones first. */
  layers: wholeFrom(1, 4096),
  denseLayers: COUNT_OR_NONE,
  /** Routed experts of a layer. Messages and routing have 16-bit ids of them. */
  experts: wholeFrom(1, 65_536),
  /** Routed experts a token goes to. Messages and routing have 8-bit counts of them. */
  topK: wholeFrom(1, 255),
  expertGroups: COUNT,
  /** Groups that a token's experts may be in. */
  topGroups: COUNT,
  /** How many of a group's best scores add up to the group's score. */
  groupScoreExperts: COUNT,
  /** The function that makes a router's scores of its logits; it weighs experts, the order of their scores is the same. */
  scoring: z.enum(SCORINGS).default('sigmoid'),
  sharedExperts: COUNT_OR_NONE,
  expertIntermediate: COUNT,
  /** Of the dense layers; 0 where there are none. */
  denseIntermediate: COUNT_OR_NONE.default(0),
  /** Entries of the embedding, and of the output head; 0: neither is counted in memory. */
  vocabulary: COUNT_OR_NONE.default(0),
  /** What a GPU that serves the model stores weights as: routed experts, and all else but embedding and gate. */
  weightPrecision: z
    .strictObject({ experts: z.enum(WEIGHT_PRECISIONS), others: z.enum(WEIGHT_PRECISIONS) })
    .default({ experts: 'fp8', others: 'fp8' }),
  attention: z.discriminatedUnion('kind', [MLA_SCHEMA, GQA_SCHEMA], { error: wordsForUnion('give mla or gqa') }),
  /** What one token weighs in a message of each kind. */
  bytesPerToken: z.strictObject({
    dispatch: TOKEN_BYTES,
    lowLatencyDispatch: TOKEN_BYTES,
    combine: TOKEN_BYTES,
    pipeline: TOKEN_BYTES,
  }),
  /** Where each value comes from, by key. */
  sources: z.record(z.string(), z.string().min(1)),
});

/** A mixture-of-experts model: the sizes that routing and traffic depend on. */
export type ModelPreset = Readonly<z.infer<typeof MODEL_SCHEMA>>;

/**
 * Checks a complete model preset: types, and sizes against each other.
 * @throws BadInputError naming file, line and key.
 */
export function checkModel(json: unknown, place: Place): ModelPreset {
  const model = parsePreset(MODEL_SCHEMA, json, place);
  const { attention } = model;
  const wrong = (key: keyof ModelPreset, remedy: string): never => refuse(model, place, [key], remedy);
  const groupSize = model.experts / model.expertGroups;
  if (!Number.isInteger(groupSize)) wrong('experts', `it must divide by expertGroups, ${model.expertGroups}`);
  if (model.topGroups > model.expertGroups) wrong('topGroups', `there are ${model.expertGroups} groups`);
  if (model.topK > model.topGroups * groupSize) {
    wrong('topK', `the best ${model.topGroups} groups have ${model.topGroups * groupSize} experts`);
  }
  if (model.groupScoreExperts > 2) wrong('groupScoreExperts', 'it must be 1 or 2');
  if (model.groupScoreExperts > groupSize) wrong('groupScoreExperts', `a group has ${groupSize} experts`);
  if (attention.kind === 'gqa' && attention.heads % attention.kvHeads !== 0) {
    refuse(model, place, ['attention', 'kvHeads'], `it must divide the number of heads, ${attention.heads}`);
  }
  if (model.denseLayers >= model.layers) {
    wrong('denseLayers', `the model has ${model.layers} layers, of which one at least is MoE, so give fewer`);
  }
  if (model.denseLayers > 0 && model.denseIntermediate === 0) {
    wrong('denseIntermediate', `the model has ${model.denseLayers} dense layers, so give their size`);
  }
  return model;
}
