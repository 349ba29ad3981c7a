import type { PipelineSize } from './schedules.js';

/** What of a pipeline decides where its stages are. */
export type PipelineShape = Pick<PipelineSize, 'schedule' | 'ranks' | 'chunks'>;

/** @returns how many stages each micro-batch of a pipeline goes through. */
export function stageCount({ schedule, ranks, chunks }: PipelineShape): number {
  if (schedule === 'dualpipev') return ranks * 2;
  return schedule === 'interleaved-1f1b' ? ranks * chunks : ranks;
}

/** @returns the stages whose parameters a rank holds, ascending. */
export function heldStages(shape: PipelineShape, rank: number): readonly number[] {
  const { schedule, ranks, chunks } = shape;
  if (schedule === 'interleaved-1f1b') return Array.from({ length: chunks }, (_, chunk) => chunk * ranks + rank);
  if (schedule !== 'dualpipe' && schedule !== 'dualpipev') return [rank];
  const other = stageCount(shape) - 1 - rank;
  return [Math.min(rank, other), Math.max(rank, other)];
}
