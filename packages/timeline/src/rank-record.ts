import { Columns } from '@epemu/core';

/**
 * Durations of each kernel of each operation, warm-up included: what replay cannot derive. `soloNs` is alone, `besideNs` with a
 * transfer beside it all the time, `memoryNs` what its bytes take at the full memory bandwidth.
 */
export const DURATION_COLUMNS = ['operation', 'index', 'soloNs', 'besideNs', 'memoryNs'] as const;
/** Every segment a rank sent, in the order its port was given them; see SERVICE_COLUMNS for the naming. */
export const SEGMENT_COLUMNS = ['operation', 'hop', 'peer', 'origin', 'destination', 'segment', 'bytes'] as const;
/** What a rank's kernel copied for a hop: tokens, and rows to nodes and to ranks, its own included. */
export const COPY_COLUMNS = ['operation', 'hop', 'tokens', 'toNodes', 'toRanks'] as const;
/** SHA-256 of each expert's received (source rank, token, slot) list, as eight 32-bit words. */
export const EXPERT_HASH_COLUMNS = [
  'layer',
  'microBatch',
  'expert',
  'rows',
  'word0',
  'word1',
  'word2',
  'word3',
  'word4',
  'word5',
  'word6',
  'word7',
] as const;

/** What one rank did, without times: enough to time it again. */
export interface RankRecord {
  readonly rank: number;
  readonly durations: Columns<(typeof DURATION_COLUMNS)[number]>;
  readonly segments: Columns<(typeof SEGMENT_COLUMNS)[number]>;
  readonly copies: Columns<(typeof COPY_COLUMNS)[number]>;
  readonly expertHashes: Columns<(typeof EXPERT_HASH_COLUMNS)[number]>;
}

/** @returns a record with nothing in it yet. */
export function emptyRecord(rank: number): RankRecord {
  return {
    rank,
    durations: new Columns(DURATION_COLUMNS, 1024),
    segments: new Columns(SEGMENT_COLUMNS, 1024),
    copies: new Columns(COPY_COLUMNS),
    expertHashes: new Columns(EXPERT_HASH_COLUMNS),
  };
}
