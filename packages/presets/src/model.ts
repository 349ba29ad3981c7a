import { BadInputError } from '@epemu/core';
import { z } from 'zod';
import { parsePreset } from './check.js';

const COUNT = z.int('give a positive integer').positive('give a positive integer');

const MODEL_SCHEMA = z.strictObject({
  name: z.string().min(1),
  hidden: COUNT,
  /** All layers, the dense ones first. */
  layers: COUNT,
  denseLayers: z.int().nonnegative(),
  /** Routed experts of a layer. */
  experts: COUNT,
  /** Routed experts a token goes to. */
  topK: COUNT,
  expertGroups: COUNT,
  /** Groups that a token's experts may be in. */
  topGroups: COUNT,
  /** How many of a group's best scores add up to the group's score. */
  groupScoreExperts: COUNT,
  sharedExperts: z.int().nonnegative(),
  expertIntermediate: COUNT,
  denseIntermediate: COUNT,
  attention: z.strictObject({
    heads: COUNT,
    qLoraRank: COUNT,
    kvLoraRank: COUNT,
    nopeHeadDim: COUNT,
    ropeHeadDim: COUNT,
    valueHeadDim: COUNT,
  }),
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
 * Checks a model preset: types, and sizes against each other.
 * @param file where it comes from, for messages.
 * @throws BadInputError naming file and key.
 */
export function parseModel(json: unknown, file: string): ModelPreset {
  const model = parsePreset(MODEL_SCHEMA, json, file);
  const refuse = (key: keyof ModelPreset, remedy: string): never => {
    throw new BadInputError(key, `in the preset ${file}, ${key} is ${JSON.stringify(model[key])}; ${remedy}`);
  };
  const groupSize = model.experts / model.expertGroups;
  if (!Number.isInteger(groupSize)) refuse('expertGroups', `it must divide the number of experts, ${model.experts}`);
  if (model.topGroups > model.expertGroups) refuse('topGroups', `there are ${model.expertGroups} groups`);
  if (model.topK > model.topGroups * groupSize) {
    refuse('topK', `the best ${model.topGroups} groups have ${model.topGroups * groupSize} experts`);
  }
  if (model.groupScoreExperts > groupSize) refuse('groupScoreExperts', `a group has ${groupSize} experts`);
  if (model.denseLayers > model.layers) refuse('denseLayers', `the model has ${model.layers} layers`);
  return model;
}
