import { BadInputError } from '@epemu/core';
import { pipelineOrder, stageCount } from '@epemu/pipelines';
import type { Part, PipelineOrder } from '@epemu/pipelines';
import type { Configuration } from './configuration.js';
import { layersOfStages } from './stages.js';
import type { LayerRange } from './stages.js';

/** Places of a pipeline's passes: phases of these numbers go forward, backward, and backward for weights. */
const PLACES = { forward: 0, backward: 1, weights: 2 } as const;
export const PIPELINE_PLACES = 3;

/** What one place of a pass works on. */
export interface PassEntry {
  /** Within the step. */
  readonly microBatch: number;
  readonly layers: LayerRange;
}

/** A pipeline's order as passes over layers. */
export interface ResolvedPipeline {
  readonly order: PipelineOrder;
  /** By rank of the pipeline: a pass for each of its cells, null where its phases of a place pause. */
  readonly passes: readonly (readonly (readonly (PassEntry | null)[])[])[];
  /** By stage: its layers. */
  readonly stages: readonly LayerRange[];
  /** @returns by stage: which rank of the pipeline works on it for a micro-batch of the step. */
  wayOf(microBatch: number): readonly number[];
}

type PipelineSource = Pick<Configuration, 'layers' | 'pipeline' | 'schedule'>;

const resolved = new WeakMap<object, ResolvedPipeline>();

/**
 * @returns the pipeline of a run; undefined where it is none.
 * @throws BadInputError naming the rule that its size breaks.
 */
export function pipelineOf(configuration: PipelineSource): ResolvedPipeline | undefined {
  const { pipeline } = configuration;
  if (pipeline === undefined) return undefined;
  let found = resolved.get(configuration);
  if (found === undefined) resolved.set(configuration, (found = resolve(configuration, pipeline)));
  return found;
}

function placesOf({ work }: Part): readonly number[] {
  const places: Readonly<Record<Part['work'], readonly number[]>> = {
    forward: [PLACES.forward],
    backward: [PLACES.backward, PLACES.weights],
    'backward for input': [PLACES.backward],
    'backward for weights': [PLACES.weights],
  };
  return places[work];
}

function resolve(
  { layers, schedule }: PipelineSource,
  pipeline: NonNullable<Configuration['pipeline']>,
): ResolvedPipeline {
  const order = pipelineOrder({ ...pipeline, microBatches: schedule.microBatches });
  const stages = layersOfStages(pipeline, layers);
  const ways = Array.from({ length: schedule.microBatches }, () => new Array<number>(stages.length).fill(0));
  order.cells.forEach((cells, rank) => {
    for (const { stage, microBatch } of cells.flat()) ways[microBatch][stage] = rank;
  });
  const passes = order.cells.map((cells) =>
    cells.map((cell) => {
      const pass: (PassEntry | null)[] = Array.from({ length: PIPELINE_PLACES }, () => null);
      for (const part of cell) {
        for (const place of placesOf(part)) {
          pass[place] = { microBatch: part.microBatch, layers: stages[part.stage] };
        }
      }
      return pass;
    }),
  );
  return { order, passes, stages, wayOf: (microBatch) => ways[microBatch % schedule.microBatches] };
}

/** @throws BadInputError where a pipeline cannot be shared out to ranks and layers, or says twice what follows from it. */
export function checkPipeline(configuration: Configuration): void {
  const { pipeline, layers, ranks, family, roles, groups, schedule, steps } = configuration;
  if (pipeline === undefined) return;
  const refuse = (field: string, message: string): never => {
    throw new BadInputError(field, message);
  };
  if (family !== 'training') refuse('pipeline', `pipeline is given, but the family is ${family}; use family training`);
  if (roles !== undefined || groups !== undefined) {
    refuse('roles', 'roles or groups are given with a pipeline, whose roles follow from it; remove them');
  }
  if (schedule.passes !== undefined) {
    refuse('schedule.passes', 'schedule.passes is given with a pipeline, whose passes follow from it; remove it');
  }
  if (steps > 1) refuse('steps', `steps is ${steps}, but a pipeline runs one step; use 1`);
  pipelineOf(configuration);
  if (ranks % pipeline.ranks !== 0) {
    const next = Math.ceil(ranks / pipeline.ranks) * pipeline.ranks;
    refuse(
      'ranks',
      `ranks is ${ranks}, but the ${pipeline.ranks} ranks of the pipeline hold as many each; use a multiple, such as ${next}`,
    );
  }
  const stages = stageCount(pipeline);
  if (layers % stages === 0) return;
  const next = Math.ceil(layers / stages) * stages;
  refuse(
    'layers',
    `layers is ${layers}, but ${pipeline.schedule} on ${pipeline.ranks} ranks has ${stages} stages of as many layers each; ` +
      `use a multiple, such as ${next}`,
  );
}
