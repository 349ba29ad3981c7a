import type { Routed } from './dispatch-messages.js';
import type { ReceivedTokens } from './received.js';

/** What a rank has of one micro-batch in one layer while it is worked on; arrays are [tokens × hidden] unless said. */
export interface LayerTokens {
  /** Input of the layer: kept for a backward alone. */
  input?: Float32Array;
  /** Input of its MLP or experts. */
  attended?: Float32Array;
  routed?: Routed;
  received?: ReceivedTokens;
  /** Results of the rank's experts, [received rows × lanes]. */
  partial?: Float32Array;
  /** What a combine brought, [tokens × lanes]. */
  combined?: Float32Array;
  /** The attended tokens with what the shared experts (dense: the MLP) add. */
  sum?: Float32Array;
  /** Backward: the gradient of the layer's output, and what arrived of it for the rank's experts, [received rows × hidden]. */
  gradient?: Float32Array;
  arrived?: Float32Array;
}

/** Adds `stride` lanes apart the first `lanes` of each row of `addend` to the rows of `target`. */
export function addRowsTo(target: Float32Array, addend: Float32Array, lanes: number, stride: number): void {
  const rows = target.length / Math.max(1, lanes);
  for (let row = 0; row < rows; row++) {
    for (let lane = 0; lane < lanes; lane++) target[row * lanes + lane] += addend[row * stride + lane];
  }
}
