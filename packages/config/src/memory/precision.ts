import type { WeightPrecision } from '@epemu/presets';
import type { KvPrecision } from '../schema.js';

/** Bytes of BF16, of FP32 and of what FP8 has without its scales. */
export const BF16 = 2;
export const FP32 = 4;
export const FP8 = 1;

/**
 * Bytes of a weight with its part of the scales: FP8 has an FP32 scale for a block of 128 × 128 (DeepSeek-V3 technical
 * report 3.3.2), MXFP4 an 8-bit one for 32 values (gpt-oss model card, 2.1: 4.25 bits a parameter).
 */
export const WEIGHT_BYTES: Readonly<Record<WeightPrecision, number>> = {
  bf16: BF16,
  fp8: FP8 + FP32 / (128 * 128),
  mxfp4: 4.25 / 8,
};

/** Bytes of a value in the KV cache. FP8 has one scale a tensor, as vLLM's `--kv-cache-dtype fp8` has. */
export const KV_BYTES: Readonly<Record<KvPrecision, number>> = { bf16: BF16, fp8: FP8 };
