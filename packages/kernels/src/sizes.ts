import type { ModelPreset } from '@epemu/presets';
import type { Sizes } from './expression.js';

/** What fixes the sizes of a run beside its model. */
export interface RunShape {
  readonly model: ModelPreset;
  /** Ranks of the group, and how many of them hold experts. */
  readonly ranks: number;
  readonly expertRanks: number;
  /** Replicas of experts beyond one of each, over all ranks that hold any. @default 0 */
  readonly redundantExperts?: number;
  readonly nodeSize: number;
  readonly gpuSms: number;
  readonly computeSms: number;
  readonly communicationSms: number;
  /** Bytes of a row in a dispatch and in a combine, as the run's mode sends them. */
  readonly dispatchBytes: number;
  readonly combineBytes: number;
}

/** What a phase of one rank works on. */
export interface KernelWork {
  /** Tokens of the micro-batch. */
  readonly tokens: number;
  /** (query, key) pairs: Σ n·p + n(n + 1)/2 over pieces of n tokens from position p; decode: tokens × KV length. */
  readonly attentionPairs: number;
  /** (token, expert) rows that each of the rank's experts received. */
  readonly rowsOfExperts: ArrayLike<number>;
  /** Distinct tokens that the rank received. */
  readonly receivedTokens: number;
}

/** Experts' rows begin at multiples of this many, a tile of their matrix products. */
const ROW_ALIGNMENT = 128;

/** Sizes that follow the rows that experts receive, and so are not known before a dispatch. */
export const ROW_SIZES: ReadonlySet<string> = new Set(['expertRows', 'paddedRows', 'rowsOfExpert', 'receivedTokens']);
const WORK_SIZES: ReadonlySet<string> = new Set(['tokens', 'pairs', ...ROW_SIZES]);

/** @returns the sizes of a run that do not depend on what a phase works on. */
export function runSizes(shape: RunShape): Sizes {
  const { model, ranks, expertRanks, nodeSize, redundantExperts = 0 } = shape;
  const { attention } = model;
  const heads =
    attention.kind === 'mla'
      ? {
          qLoraRank: attention.qLoraRank,
          kvLoraRank: attention.kvLoraRank,
          nopeHeadDim: attention.nopeHeadDim,
          ropeHeadDim: attention.ropeHeadDim,
          valueHeadDim: attention.valueHeadDim,
          qkHeadDim: attention.nopeHeadDim + attention.ropeHeadDim,
        }
      : { kvHeads: attention.kvHeads, headDim: attention.headDim };
  return {
    hidden: model.hidden,
    heads: attention.heads,
    ...heads,
    experts: model.experts,
    localExperts: (model.experts + redundantExperts) / expertRanks,
    placedExperts: model.experts + redundantExperts,
    topK: model.topK,
    sharedExperts: model.sharedExperts,
    expertIntermediate: model.expertIntermediate,
    sharedIntermediate: model.sharedExperts * model.expertIntermediate,
    denseIntermediate: model.denseIntermediate,
    ranks,
    nodes: Math.max(1, Math.ceil(ranks / nodeSize)),
    gpuSms: shape.gpuSms,
    sms: shape.computeSms,
    communicationSms: shape.communicationSms,
    dispatchBytes: shape.dispatchBytes,
    combineBytes: shape.combineBytes,
  };
}

/** @returns names of all sizes that expressions of a run may use. */
export function sizeNames(sizes: Sizes): ReadonlySet<string> {
  return new Set([...Object.keys(sizes), ...WORK_SIZES]);
}

/** @returns the run's sizes with those of what a phase works on. */
export function withWork(sizes: Sizes, work: KernelWork): Record<string, number> {
  let expertRows = 0;
  let paddedRows = 0;
  for (let i = 0; i < work.rowsOfExperts.length; i++) {
    expertRows += work.rowsOfExperts[i];
    paddedRows += Math.ceil(work.rowsOfExperts[i] / ROW_ALIGNMENT) * ROW_ALIGNMENT;
  }
  const all: Record<string, number> = {
    ...sizes,
    tokens: work.tokens,
    pairs: work.attentionPairs,
    expertRows,
    paddedRows,
    receivedTokens: work.receivedTokens,
  };
  for (let i = 0; i < Math.max(1, work.rowsOfExperts.length); i++) all[rowsOfExpert(i)] = work.rowsOfExperts[i] ?? 0;
  return all;
}

/** @returns the name of the size that holds the rows of the rank's expert `index`; that of the first has no number. */
export function rowsOfExpert(index: number): string {
  return index === 0 ? 'rowsOfExpert' : `rowsOfExpert${index}`;
}

/** @returns work with the rows of even routing: each expert gets the same; received tokens are those of random choices. */
export function evenWork(sizes: Sizes, tokens: number, attentionPairs: number): KernelWork {
  const rows = Math.round((tokens * sizes['ranks'] * sizes['topK']) / sizes['placedExperts']);
  const rowsOfExperts = Array.from({ length: sizes['localExperts'] }, () => rows);
  // A token misses a rank when each of its topK choices does.
  let missed = 1;
  for (let choice = 0; choice < sizes['topK']; choice++) missed *= 1 - 1 / sizes['ranks'];
  const receivedTokens = Math.round(tokens * sizes['ranks'] * (1 - missed));
  return { tokens, attentionPairs, rowsOfExperts, receivedTokens };
}
