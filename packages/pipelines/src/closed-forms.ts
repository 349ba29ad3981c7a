import type { PipelineSchedule, PipelineSize } from './schedules.js';
import type { UnitTimes } from './unit-time.js';

/** What is published of a schedule's bubble and memory. */
export interface ClosedForm {
  /** As printed, P the number of ranks; in DualPipeV, which counts stages there, of stages. */
  readonly formula: string;
  /** In the times' unit. */
  readonly bubble: number;
  /** Chunks' activations of a rank. */
  readonly activations: number;
  readonly source: string;
}

const DUALPIPE_README = 'README of github.com/deepseek-ai/DualPipe (3da1bbe)';

/**
 * @returns the published bubble of a rank. DualPipe's two hold where an overlapped pair takes as long as its chunks one after
 * the other; where it takes less, they are the largest of all ranks.
 */
export function closedForm(
  { schedule, ranks, microBatches, chunks }: PipelineSize,
  { F, B, W, FB }: UnitTimes,
): ClosedForm {
  const dual = (stages: number): ClosedForm => ({
    formula: '(P/2 - 1)(F&B + B - 3W)',
    bubble: (stages / 2 - 1) * (FB + B - 3 * W),
    activations: stages + 1,
    source: DUALPIPE_README,
  });
  const forms: Readonly<Record<PipelineSchedule, () => ClosedForm>> = {
    '1f1b': () => ({
      formula: '(P - 1)(F + B)',
      bubble: (ranks - 1) * (F + B),
      activations: Math.min(ranks, microBatches),
      source: DUALPIPE_README,
    }),
    'interleaved-1f1b': () => ({
      formula: '(P - 1)(F + B), of chunks that are a share of a rank’s stage',
      bubble: (ranks - 1) * (F + B),
      activations: Math.min((ranks - 1) * 2 + (chunks - 1) * ranks + 1, microBatches * chunks),
      source: 'Narayanan et al. 2021, arXiv 2104.04473, 2.2',
    }),
    zb1p: () => ({
      formula: '(P - 1)(F + B - 2W)',
      bubble: (ranks - 1) * (F + B - 2 * W),
      activations: Math.min(ranks, microBatches),
      source: DUALPIPE_README,
    }),
    dualpipe: () => dual(ranks),
    dualpipev: () => dual(ranks * 2),
  };
  return forms[schedule]();
}
