/** A run of consecutive tokens of one prompt: positions start … start + length − 1. */
export interface PromptPiece {
  readonly prompt: number;
  readonly start: number;
  readonly length: number;
}

/** The tokens a rank works on at once. */
export interface MicroBatch {
  readonly tokens: number;
  /** Pairs of (query, key) that core attention computes: see {@link causalPairs}; decode: tokens × KV length. */
  readonly attentionPairs: number;
  readonly pieces: readonly PromptPiece[];
}

/** Causal attention pairs of a piece: token i of it sees start + i + 1 keys, so Σ = n·start + n(n + 1)/2. */
export function causalPairs(start: number, length: number): number {
  return length * start + (length * (length + 1)) / 2;
}

/**
 * Splits prompts into two micro-batches of equal attention work. Micro-batch 1, whose attention runs first, takes
 * prompts from the front; a prompt that straddles the half is cut, its prefix going to micro-batch 1.
 *
 * @param promptLengths tokens of each prompt, in order.
 * @returns micro-batches 0 and 1; their attention work differs by at most the pairs of one token.
 */
export function splitPrompts(promptLengths: readonly number[]): [MicroBatch, MicroBatch] {
  const total = promptLengths.reduce((sum, length) => sum + causalPairs(0, length), 0);
  const first: PromptPiece[] = [];
  const second: PromptPiece[] = [];
  let taken = 0;
  let filled = false;
  promptLengths.forEach((length, prompt) => {
    const wanted = total / 2 - taken;
    // Behind the cut nothing is cut again to make up for the cut's rounding.
    let prefix = filled ? 0 : length;
    if (!filled && wanted < causalPairs(0, length)) {
      filled = true;
      // The longest prefix whose pairs do not pass the half, or one token more where that is nearer.
      prefix = Math.max(0, Math.floor((Math.sqrt(1 + 8 * Math.max(0, wanted)) - 1) / 2));
      if (causalPairs(0, prefix + 1) - wanted < wanted - causalPairs(0, prefix)) prefix++;
    }
    if (prefix > 0) first.push({ prompt, start: 0, length: prefix });
    if (prefix < length) second.push({ prompt, start: prefix, length: length - prefix });
    taken += causalPairs(0, prefix);
  });
  return [microBatchOf(second), microBatchOf(first)];
}

/** @returns the micro-batch made of the given pieces. */
export function microBatchOf(pieces: readonly PromptPiece[]): MicroBatch {
  return {
    tokens: pieces.reduce((sum, piece) => sum + piece.length, 0),
    attentionPairs: pieces.reduce((sum, piece) => sum + causalPairs(piece.start, piece.length), 0),
    pieces,
  };
}

/** What of a configuration decides the tokens of a rank. */
export interface WorkloadSource {
  readonly family: 'training' | 'inference';
  readonly promptLengths?: readonly number[] | undefined;
  readonly tokensPerMicrobatch?: number | undefined;
  readonly kvLength: number;
  readonly schedule: { readonly microBatches: number };
}

/**
 * @returns the micro-batches of a rank, indexed as in the schedule. With one micro-batch (no overlap) the whole batch
 * is in it: all prompts of a prefill, both micro-batches' tokens of a decode.
 */
export function microBatchesOf(source: WorkloadSource): readonly MicroBatch[] {
  const count = source.schedule.microBatches;
  if (source.promptLengths !== undefined) {
    if (count === 2) return splitPrompts(source.promptLengths);
    return [microBatchOf(source.promptLengths.map((length, prompt) => ({ prompt, start: 0, length })))];
  }
  const tokens = source.tokensPerMicrobatch!;
  if (source.family === 'training') {
    return Array.from({ length: count }, () => microBatchOf([{ prompt: 0, start: 0, length: tokens }]));
  }
  const share = tokens * (count === 1 ? 2 : 1);
  return Array.from({ length: count }, () => ({ tokens: share, attentionPairs: share * source.kvLength, pieces: [] }));
}
