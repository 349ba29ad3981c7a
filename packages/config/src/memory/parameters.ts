import type { ModelPreset } from '@epemu/presets';

/** Parameters of a model by where they are held; a count of numbers, not of bytes. */
export interface Parameters {
  /** One routed expert: gate, up and down projection. */
  readonly expert: number;
  /** Attention of one layer: projections of queries, keys and values, and of the output; norms included. */
  readonly attention: number;
  /** Of these, what multiplies as BF16 while serving: the up-projections of MLA's latents, which decode absorbs. */
  readonly attentionUp: number;
  /** All shared experts of an MoE layer. */
  readonly shared: number;
  /** The gate that scores experts, with a bias for each. */
  readonly router: number;
  /** The MLP of a dense layer. */
  readonly dense: number;
  /** The table of input embeddings; the output head has as many again. */
  readonly embedding: number;
}

function attentionOf({ hidden, attention }: ModelPreset): { all: number; up: number } {
  // A norm has a weight for each of its inputs: before attention and before the MLP, and inside MLA one for each latent.
  const norms = 2 * hidden;
  if (attention.kind === 'gqa') {
    const { heads, kvHeads, headDim } = attention;
    return { all: hidden * headDim * (2 * heads + 2 * kvHeads) + norms, up: 0 };
  }
  const { heads, qLoraRank, kvLoraRank, nopeHeadDim, ropeHeadDim, valueHeadDim } = attention;
  const up = kvLoraRank * heads * (nopeHeadDim + valueHeadDim);
  const queries = hidden * qLoraRank + qLoraRank * heads * (nopeHeadDim + ropeHeadDim);
  const output = heads * valueHeadDim * hidden;
  return { all: queries + hidden * (kvLoraRank + ropeHeadDim) + up + output + norms + qLoraRank + kvLoraRank, up };
}

/**
 * Counts a model's parameters from its shapes (DeepSeek-V3 technical report 2.1 has the products; SwiGLU MLPs have three).
 * Multi-token prediction layers are no part of the presets, nor are biases, which come to less than 0.1 %.
 */
export function parametersOf(model: ModelPreset): Parameters {
  const { hidden, experts, expertIntermediate, sharedExperts, denseIntermediate, vocabulary } = model;
  const { all, up } = attentionOf(model);
  const expert = 3 * hidden * expertIntermediate;
  return {
    expert,
    attention: all,
    attentionUp: up,
    shared: sharedExperts * expert,
    router: experts * (hidden + 1),
    dense: 3 * hidden * denseIntermediate,
    embedding: vocabulary * hidden,
  };
}

/** @returns all parameters of a model: what its makers publish as its size. */
export function totalParameters(model: ModelPreset): number {
  const { expert, attention, shared, router, dense, embedding } = parametersOf(model);
  const moeLayers = model.layers - model.denseLayers;
  const moe = moeLayers * (model.experts * expert + shared + router);
  return moe + model.layers * attention + model.denseLayers * dense + 2 * embedding + model.hidden;
}
