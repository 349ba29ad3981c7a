import type { Configuration } from '../configuration.js';
import { isPaired } from './holding.js';
import type { Holding } from './holding.js';
import { BF16, FP32, FP8 } from './precision.js';

/** What training keeps beside the weights that it multiplies with, and where that is published. */
export const TRAINING_RECIPE =
  'DeepSeek-V3 technical report 3.1 and 3.3: FP8 weights, FP32 gradients and master weights, BF16 moments of AdamW; ' +
  'master weights and moments shared out over data-parallel ranks (ZeRO-1), RMSNorm, MLA up-projections and SwiGLU recomputed';

/** Bytes a parameter: gradients summed up in FP32; of the optimiser, FP32 master weights and two BF16 moments. */
export const GRADIENT_BYTES = FP32;
export const OPTIMISER_BYTES = FP32 + 2 * BF16;

/**
 * Bytes that one token of a micro-batch leaves in a layer for the way back, RMSNorm, up-projections and SwiGLU being done
 * again: the layer's input and that of its MLP, MLA's latents, attention's output with its log-sum-exp, and for each row
 * that experts get its FP8 input and the FP8 input of SwiGLU (technical report 3.3.3).
 */
export function keptBytesPerToken({ model }: Configuration, { attention, shared, experts }: Holding): number {
  const { hidden, topK, expertIntermediate, sharedExperts, attention: shape } = model;
  const row = FP8 * (hidden + 2 * expertIntermediate);
  const ofAttention =
    shape.kind === 'mla'
      ? FP8 * (shape.qLoraRank + shape.kvLoraRank + shape.ropeHeadDim) +
        shape.heads * (shape.valueHeadDim * BF16 + FP32)
      : (2 * shape.heads + 2 * shape.kvHeads) * shape.headDim * BF16 + shape.heads * FP32;
  return (
    (attention ? 2 * hidden * BF16 + ofAttention : 0) +
    (shared ? sharedExperts * FP8 * 2 * expertIntermediate : 0) +
    (experts > 0 ? topK * row : 0)
  );
}

/**
 * @returns micro-batches whose activations of one chunk a rank keeps at most: stages + 1 in DualPipe, over both of its
 * chunks, and as many as there are stages in 1F1B (technical report, table 2).
 */
export function microBatchesInFlight(configuration: Configuration, { stages }: Holding): number {
  return isPaired(configuration) ? stages + 1 : stages;
}
