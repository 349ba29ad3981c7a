import { z } from 'zod';
import { parsePreset, refuse } from './check.js';
import type { Place } from './place.js';

const COUNT = z.int('give a positive integer').positive('give a positive integer');

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
  name: z.string().min(1),
  description: z.string().optional(),
  hidden: COUNT,
  /** All layers, the dense ones first. */
  layers: COUNT,
  denseLayers: z.int('give a whole number').nonnegative('give 0 or more'),
  /** Routed experts of a layer. */
  experts: COUNT,
  /** Routed experts a token goes to. */
  topK: COUNT,
  expertGroups: COUNT,
  /** Groups that a token's experts may be in. */
  topGroups: COUNT,
  /** How many of a group's best scores add up to the group's score. */
  groupScoreExperts: COUNT,
  sharedExperts: z.int('give a whole number').nonnegative('give 0 or more'),
  expertIntermediate: COUNT,
  /** Of the dense layers; 0 where there are none. */
  denseIntermediate: z.int('give a whole number').nonnegative('give 0 or more').default(0),
  attention: z.discriminatedUnion('kind', [MLA_SCHEMA, GQA_SCHEMA], 'give mla or gqa'),
  /** What one token weighs in a message of each kind. */
  bytesPerToken: z.strictObject({
    dispatch: COUNT,
    lowLatencyDispatch: COUNT,
    combine: COUNT,
    pipeline: COUNT,
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
  if (model.denseLayers > model.layers) wrong('denseLayers', `the model has ${model.layers} layers`);
  if (model.denseLayers > 0 && model.denseIntermediate === 0) {
    wrong('denseIntermediate', `the model has ${model.denseLayers} dense layers, so give their size`);
  }
  return model;
}
