import { timeText } from '@epemu/pages';
import type { PipelineReport } from './pipeline-figures.js';

/** Ranks of a pipeline beside what is published of its schedule, as terminal and page tell it. */
export interface PipelineWords {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Times of the cells, and the closed form with them. */
  readonly note: string;
}

/** @returns the table of a pipeline's ranks, and what it is compared with. */
export function pipelineWords({ cellUs, published, ranks, stepUs, ...size }: PipelineReport): PipelineWords {
  const names = { F: 'F', B: 'B', input: 'B − W', W: 'W', FB: 'F&B' } as const;
  const kinds = Object.keys(names) as (keyof typeof names)[];
  const cells = kinds.flatMap((kind) => {
    const time = cellUs[kind];
    return time === null ? [] : [`${names[kind]} ${timeText(time)}`];
  });
  return {
    head: ['pipeline rank', 'bubble', 'of the step', 'published', 'parameters', 'activations', 'published'],
    rows: ranks.map(({ name, bubbleUs, stages, parametersGB, activations, activationsGB }) => [
      ...[name, timeText(bubbleUs), `${((100 * bubbleUs) / stepUs).toFixed(1)} %`, timeText(published.bubbleUs)],
      `${stages} ${stages === 1 ? 'stage' : 'stages'}, ${parametersGB.toFixed(2)} GB`,
      `${activations} chunks, ${activationsGB.toFixed(2)} GB`,
      `${published.activations} chunks`,
    ]),
    note:
      `${size.schedule}, ${size.stages} stages, ${size.microBatches} micro-batches, EP groups of ${size.groupSize}: a step of ` +
      `${timeText(stepUs)}; mean cells ${cells.join(', ')}, with which ${published.formula} is ` +
      `${timeText(published.bubbleUs)} (${published.source}).`,
  };
}
