import { exponential, hash32, logarithm, normalQuantile } from '@epemu/core';

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
 * Splits prompts into micro-batches of equal attention work. The last one, whose attention runs first, takes prompts from
 * the front; a prompt that straddles a share is cut, its prefix going to the one that runs earlier.
 *
 * @param promptLengths tokens of each prompt, in order.
 * @param count how many micro-batches.
 * @returns micro-batches 0 to count − 1; their attention work differs by at most the pairs of two tokens where no share is
 *   less than that.
 */
export function splitPrompts(promptLengths: readonly number[], count = 2): readonly MicroBatch[] {
  const total = promptLengths.reduce((sum, length) => sum + causalPairs(0, length), 0);
  const shares = Array.from({ length: count }, (): PromptPiece[] => []);
  /** Work given away so far, and the share that is being filled. */
  let taken = 0;
  let filling = 0;
  promptLengths.forEach((length, prompt) => {
    let start = 0;
    // Behind the last cut nothing is cut again to make up for the cut's rounding.
    while (filling < count - 1) {
      const wanted = (total * (filling + 1)) / count - taken;
      if (wanted >= causalPairs(start, length - start)) break;
      const prefix = cutAt(start, Math.max(0, wanted), length - start);
      if (prefix > 0) shares[filling].push({ prompt, start, length: prefix });
      taken += causalPairs(start, prefix);
      start += prefix;
      filling++;
    }
    if (start === length) return;
    shares[filling].push({ prompt, start, length: length - start });
    taken += causalPairs(start, length - start);
  });
  return shares.reverse().map(microBatchOf);
}

/** @returns the prefix, of `most` tokens at most, from a position on whose pairs come nearest to those wanted. */
function cutAt(start: number, wanted: number, most: number): number {
  // n·start + n(n + 1)/2 = wanted, solved for n.
  const b = 2 * start + 1;
  let prefix = Math.min(most, Math.max(0, Math.floor((Math.sqrt(b * b + 8 * wanted) - b) / 2)));
  const behind = causalPairs(start, prefix + 1) - wanted;
  if (prefix < most && behind < wanted - causalPairs(start, prefix)) prefix++;
  return prefix;
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
  readonly steps: number;
  readonly schedule: { readonly microBatches: number };
  /** Of uneven work: see the schema. */
  readonly rankTokens?: readonly number[] | undefined;
  readonly rankPrompts?: readonly (readonly number[])[] | undefined;
  readonly kvLengths?: { readonly ranks: readonly (readonly number[])[] } | undefined;
  readonly kvSpread?: number | undefined;
  readonly ranks?: number;
  readonly seed?: number;
}

/** @returns whether a step continues the one before it, as decode does: its first layer needs the token that came of it. */
export function isAutoregressive({ family, promptLengths }: WorkloadSource): boolean {
  return family === 'inference' && promptLengths === undefined;
}

/** @returns the (query, key) pairs' KV length of a decode step: what was there, and a token for each step before it. */
export function kvLengthAt({ kvLength }: WorkloadSource, step: number): number {
  return kvLength + step;
}

/** @returns whether ranks have work of their own. */
export function isUneven({ rankTokens, rankPrompts, kvLengths, kvSpread }: WorkloadSource): boolean {
  return [rankTokens, rankPrompts, kvLengths, kvSpread].some((given) => given !== undefined);
}

/**
 * @returns the micro-batches of a rank over all steps: micro-batch m of step s is number s × `schedule.microBatches` + m.
 * With one micro-batch (no overlap) the whole batch is in it: all prompts of a prefill, both micro-batches' tokens of a
 * decode.
 * @param rank absent: of any where all have the same work, else the most tokens and pairs that any rank has in each.
 */
export function microBatchesOf(source: WorkloadSource, rank?: number): readonly MicroBatch[] {
  if (rank === undefined && isUneven(source)) return largestOf(microBatchesOfRanks(source));
  return Array.from({ length: source.steps }, (_, step) => microBatchesOfStep(source, step, rank ?? 0)).flat();
}

/** @returns the micro-batches of each rank; of one where all have the same work. */
export function microBatchesOfRanks(source: WorkloadSource): readonly (readonly MicroBatch[])[] {
  if (!isUneven(source)) return [microBatchesOf(source)];
  return Array.from({ length: source.ranks ?? 1 }, (_, rank) => microBatchesOf(source, rank));
}

function largestOf(ranks: readonly (readonly MicroBatch[])[]): MicroBatch[] {
  return ranks[0].map((_, microBatch) =>
    ranks
      .map((batches) => batches[microBatch])
      .reduce((most, batch) => ({
        tokens: Math.max(most.tokens, batch.tokens),
        attentionPairs: Math.max(most.attentionPairs, batch.attentionPairs),
        pieces: batch.tokens > most.tokens ? batch.pieces : most.pieces,
      })),
  );
}

function microBatchesOfStep(source: WorkloadSource, step: number, rank: number): readonly MicroBatch[] {
  const { microBatches: count } = source.schedule;
  const prompts = source.rankPrompts?.[rank] ?? source.promptLengths;
  if (prompts !== undefined) return splitPrompts(prompts, count);
  const tokens = source.rankTokens?.[rank] ?? source.tokensPerMicrobatch!;
  if (source.family === 'training') {
    return Array.from({ length: count }, () => microBatchOf([{ prompt: 0, start: 0, length: tokens }]));
  }
  const share = tokens * (count === 1 ? 2 : 1);
  return Array.from({ length: count }, (_, microBatch) => ({
    tokens: share,
    attentionPairs: cachedOf(source, rank, microBatch * share, share) + share * step,
    pieces: [],
  }));
}

/** Distinguishes the draws of KV lengths from all others made of the same seed. */
const KV_DRAW = 0x6b766c65;

/** KV lengths of requests of a rank before the first step, added up; a token of a decode is a request. */
function cachedOf(source: WorkloadSource, rank: number, first: number, count: number): number {
  const { kvLength, kvLengths, kvSpread, seed = 0 } = source;
  const lengths = kvLengths?.ranks[rank];
  if (lengths === undefined && kvSpread === undefined) return count * kvLength;
  // Of a log-normal law: mean and spread of what is drawn are those of the lengths.
  const variance = logarithm(1 + (kvSpread ?? 0) ** 2);
  let sum = 0;
  for (let request = first; request < first + count; request++) {
    if (lengths !== undefined) {
      sum += lengths[request % lengths.length];
      continue;
    }
    const draw = normalQuantile(hash32(seed, KV_DRAW, rank, request));
    sum += Math.max(1, Math.round(kvLength * exponential(Math.sqrt(variance) * draw - variance / 2)));
  }
  return sum;
}
