import { largest } from '@epemu/core';
import type { Configuration } from '../configuration.js';
import { isAutoregressive, microBatchesOf } from '../workload.js';
import type { MicroBatch } from '../workload.js';
import { isPaired } from './holding.js';
import type { Holding } from './holding.js';
import { BF16, FP32 } from './precision.js';
import { keptBytesPerToken, microBatchesInFlight } from './training.js';

/** Queries, keys, values and output of attention for one token, BF16; decode works on MLA's latents instead. */
function attentionBytes({ model: { attention: shape } }: Configuration, isDecode: boolean): number {
  if (shape.kind === 'gqa') return (2 * shape.heads + 2 * shape.kvHeads) * shape.headDim * BF16;
  const { heads, kvLoraRank, nopeHeadDim, ropeHeadDim, valueHeadDim } = shape;
  const width = isDecode ? 2 * kvLoraRank + ropeHeadDim : 2 * (nopeHeadDim + ropeHeadDim + valueHeadDim);
  return heads * width * BF16;
}

/** Rows that a rank's experts have room for: in low-latency mode a full micro-batch of each rank for each expert. */
function expertRows(configuration: Configuration, { role, experts }: Holding, { tokens }: MicroBatch): number {
  const { model, schedule } = configuration;
  const { ranks, expertRanks } = role.group;
  if (experts === 0) return 0;
  const isMasked = schedule.phases.some(({ collective }) => collective?.mode === 'low-latency');
  return isMasked ? experts * ranks.length * tokens : (tokens * model.topK * ranks.length) / expertRanks.length;
}

/** At its widest a micro-batch is in attention or in its MLP; its residual stream stays beside both. */
function peakOf(configuration: Configuration, holding: Holding, batch: MicroBatch): number {
  const { hidden, bytesPerToken, expertIntermediate, denseIntermediate } = configuration.model;
  // Received as FP8 with scales; gate and up as BF16; SwiGLU's output as FP8; the result as BF16.
  const row = bytesPerToken.dispatch + 2 * expertIntermediate * BF16 + expertIntermediate + hidden * BF16;
  const experts = expertRows(configuration, holding, batch) * row;
  if (!holding.attention) return experts;
  const attention = attentionBytes(configuration, isAutoregressive(configuration));
  const dense = holding.denseLayers > 0 ? denseIntermediate * (2 * BF16 + 1) : 0;
  return batch.tokens * 2 * hidden * BF16 + Math.max(experts, batch.tokens * Math.max(attention, dense));
}

/** @returns micro-batches that a rank of a pipeline works on at once: two where cells overlap. */
function microBatchesAtOnce({ pipeline }: Configuration): number | undefined {
  if (pipeline === undefined) return undefined;
  return pipeline.schedule === 'dualpipe' || pipeline.schedule === 'dualpipev' ? 2 : 1;
}

/**
 * @returns bytes of a rank's activations. Serving, what its micro-batches need at once in one layer, each at its widest,
 * and the FP32 logits of what they output. Training, the same for one of each chunk, and what micro-batches in flight keep
 * for the way back.
 */
export function activationBytes(configuration: Configuration, holding: Holding): number {
  const { model, family, promptLengths, rankPrompts, schedule } = configuration;
  const prompts = rankPrompts === undefined ? promptLengths?.length : largest(rankPrompts.map(({ length }) => length));
  const batches = microBatchesOf({ ...configuration, steps: 1 });
  const atOnce = batches.slice(0, microBatchesAtOnce(configuration) ?? schedule.passes?.[0].length ?? batches.length);
  const peak = atOnce.reduce((sum, batch) => sum + peakOf(configuration, holding, batch), 0);
  const tokens = Math.max(...batches.map((batch) => batch.tokens));
  const outputs = family === 'training' ? tokens : (prompts ?? tokens * atOnce.length);
  const logits = holding.head ? outputs * model.vocabulary * FP32 : 0;
  if (family !== 'training') return peak + logits;
  const ofToken = tokens * keptBytesPerToken(configuration, holding);
  if (holding.kept !== undefined) return peak + logits + ofToken * holding.kept.chunkLayers * holding.kept.chunks;
  const chunkLayers = (holding.moeLayers + holding.denseLayers) / (isPaired(configuration) ? 2 : 1);
  const inFlight = microBatchesInFlight(configuration, holding);
  return peak + logits + ofToken * chunkLayers * inFlight;
}
