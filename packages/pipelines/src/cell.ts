/** What a rank does of one micro-batch in one stage of the model: gradients of inputs alone leave the weights' to later. */
export type Work = 'forward' | 'backward' | 'backward for input' | 'backward for weights';

/** One stage's work on one micro-batch. */
export interface Part {
  readonly work: Work;
  /** Counted along the micro-batch's way through the model, from 0. */
  readonly stage: number;
  readonly microBatch: number;
}

/** What a rank does at a time: one part, or a forward and a backward that overlap each other. */
export type Cell = readonly [Part] | readonly [Part, Part];

/** What each rank of a pipeline does, cell after cell. */
export interface PipelineOrder {
  readonly ranks: number;
  /** Through which each micro-batch goes. */
  readonly stages: number;
  readonly microBatches: number;
  /** By rank. */
  readonly cells: readonly (readonly Cell[])[];
  /** Stages' parameters that a rank holds, in stages: 2 where micro-batches come from both ends. */
  readonly stagesOfRank: number;
}
