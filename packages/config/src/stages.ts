import { stageCount } from '@epemu/pipelines';
import type { PipelineShape } from '@epemu/pipelines';

/** Consecutive layers of a run. */
export interface LayerRange {
  readonly first: number;
  readonly last: number;
}

/** @returns the layers of each stage of a pipeline, along a micro-batch's way; stages have as many layers each. */
export function layersOfStages(pipeline: PipelineShape, layers: number): readonly LayerRange[] {
  const stages = stageCount(pipeline);
  const size = Math.max(1, Math.floor(layers / stages));
  return Array.from({ length: stages }, (_, stage) => ({ first: stage * size, last: (stage + 1) * size - 1 }));
}
