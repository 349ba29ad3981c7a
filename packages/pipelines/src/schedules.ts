import { BadInputError } from '@epemu/core';
import type { PipelineOrder } from './cell.js';
import { dualPipe, dualPipeV } from './dual-pipe.js';
import { oneForwardOneBackward } from './one-forward-one-backward.js';
import { zeroBubble } from './zero-bubble.js';

export const PIPELINE_SCHEDULES = ['1f1b', 'interleaved-1f1b', 'zb1p', 'dualpipe', 'dualpipev'] as const;
export type PipelineSchedule = (typeof PIPELINE_SCHEDULES)[number];

/** The size of a pipeline. */
export interface PipelineSize {
  readonly schedule: PipelineSchedule;
  readonly ranks: number;
  readonly microBatches: number;
  /** Stages of a rank in interleaved 1F1B. */
  readonly chunks: number;
}

/** Cells of a pipeline above which its order would take gigabytes. */
const MOST_CELLS = 4_000_000;

function refuse(field: string, message: string): never {
  throw new BadInputError(field, message);
}

function checkSize({ schedule, ranks, microBatches, chunks }: PipelineSize): void {
  if (ranks * microBatches * chunks * 3 > MOST_CELLS) {
    const most = Math.floor(MOST_CELLS / 3 / ranks / chunks);
    refuse(
      'micro-batches',
      `--micro-batches ${microBatches} on ${ranks} ranks are too many cells; give ${most} at most`,
    );
  }
  if (schedule === 'interleaved-1f1b') {
    if (microBatches % ranks === 0) return;
    const next = Math.ceil(microBatches / ranks) * ranks;
    refuse(
      'micro-batches',
      `--micro-batches is ${microBatches}, but interleaved-1f1b takes turns of --pp ${ranks}; use a multiple of it, such as ${next}`,
    );
  }
  if (schedule === 'dualpipe') {
    if (ranks % 2 === 1) {
      refuse(
        'pp',
        `--pp is ${ranks}, but dualpipe pairs ranks from both ends; use an even number, such as ${ranks + 1}`,
      );
    }
    if (microBatches % 2 === 1) {
      const rule = 'but half of them come from each end in dualpipe';
      refuse(
        'micro-batches',
        `--micro-batches is ${microBatches}, ${rule}; use an even number, such as ${microBatches + 1}`,
      );
    }
  }
  if ((schedule === 'dualpipe' || schedule === 'dualpipev') && microBatches < ranks * 2) {
    refuse(
      'micro-batches',
      `--micro-batches is ${microBatches}, but ${schedule} needs twice --pp ${ranks} to fill its ranks; use at least ${ranks * 2}`,
    );
  }
}

/**
 * @returns what each rank of a pipeline does.
 * @throws BadInputError naming the rule that the size breaks.
 */
export function pipelineOrder(size: PipelineSize): PipelineOrder {
  checkSize(size);
  const { schedule, ranks, microBatches, chunks } = size;
  switch (schedule) {
    case '1f1b':
      return oneForwardOneBackward(ranks, microBatches, 1);
    case 'interleaved-1f1b':
      return oneForwardOneBackward(ranks, microBatches, chunks);
    case 'zb1p':
      return zeroBubble(ranks, microBatches);
    case 'dualpipe':
      return dualPipe(ranks, microBatches);
    case 'dualpipev':
      return dualPipeV(ranks, microBatches);
  }
}
