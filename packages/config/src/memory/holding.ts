import { tokenActionsOf } from '@epemu/kernels';
import type { TokenAction } from '@epemu/kernels';
import { mostActivations } from '@epemu/pipelines';
import { denseLayerCount, isDenseLayer, placedExperts } from '../configuration.js';
import type { Configuration } from '../configuration.js';
import { pipelineOf } from '../pipeline.js';
import { rolesOf } from '../roles.js';
import type { Role } from '../roles.js';

/** What of the model a rank of a role holds. */
export interface Holding {
  readonly role: Role;
  /** MoE layers; a share of the model's need not be whole. */
  readonly moeLayers: number;
  readonly denseLayers: number;
  /** Routed experts of an MoE layer, redundant replicas included. */
  readonly experts: number;
  /** Attention, the gate and dense MLPs; and with it the KV cache. */
  readonly attention: boolean;
  readonly shared: boolean;
  readonly embedding: boolean;
  readonly head: boolean;
  /** Pipeline stages that the model is cut into; 1 where one rank has all layers. */
  readonly stages: number;
  /** Of a pipeline whose ranks are all there: layers of a stage, and stages' activations that a rank keeps at most. */
  readonly kept?: { readonly chunkLayers: number; readonly chunks: number };
}

function actionsOf({ schedule }: Configuration, name: string): ReadonlySet<TokenAction> {
  const own = schedule.phases.filter(({ roles }) => roles === undefined || roles.includes(name));
  return new Set(own.flatMap(({ tokens, kernels }) => tokens ?? tokenActionsOf(kernels)));
}

/**
 * @returns whether a row of the schedule goes forward and backward at once, in two chunks, as DualPipe does; passes in
 * which phases pause go one way at a time.
 */
export function isPaired({ family, schedule, pipeline }: Configuration): boolean {
  return (
    family === 'training' &&
    pipeline === undefined &&
    (schedule.passes?.every((pass) => pass.every((microBatch) => microBatch !== null)) ?? true) &&
    schedule.phases.some(({ direction, lag }) => direction === 'backward' && typeof lag === 'number') &&
    schedule.phases.some(({ direction }) => direction === 'forward')
  );
}

function stagesOf(configuration: Configuration): number {
  const pipeline = pipelineOf(configuration);
  if (pipeline !== undefined) return pipeline.stages.length;
  const starts = new Set(rolesOf(configuration).map(({ layers }) => layers.first));
  if (starts.size > 1) return starts.size;
  return configuration.family === 'training' ? Math.ceil(configuration.model.layers / configuration.layers) : 1;
}

/** Layers of a role: of a whole-model run those it has; while serving its share of the model's, which a shorter run stands for. */
function layersOf(configuration: Configuration, { chunks, layers: { first } }: Role): { moe: number; dense: number } {
  const { family, layers, model } = configuration;
  const own = chunks.reduce((sum, chunk) => sum + chunk.last - chunk.first + 1, 0);
  if (layers === model.layers) {
    const all = chunks.flatMap((chunk) =>
      Array.from({ length: chunk.last - chunk.first + 1 }, (_, i) => chunk.first + i),
    );
    const dense = all.filter((layer) => isDenseLayer(configuration, layer)).length;
    return { moe: own - dense, dense };
  }
  if (family === 'training') return { moe: own, dense: 0 };
  const moe = ((model.layers - model.denseLayers) * own) / layers;
  return { moe, dense: first === 0 ? model.denseLayers : 0 };
}

function keptOf(configuration: Configuration, index: number): Pick<Holding, 'kept'> {
  const pipeline = pipelineOf(configuration);
  if (pipeline === undefined) return {};
  const [{ first, last }] = pipeline.stages;
  return { kept: { chunkLayers: last - first + 1, chunks: mostActivations(pipeline.order.cells[index]) } };
}

/**
 * @returns what the ranks of each role hold. Serving, a GPU holds the model, of which a run of few layers shows some; a
 * role that has a part of the run's layers holds that part. In training a run's layers are those of one pipeline chunk, of
 * which a rank of DualPipe has two (DeepSeek-V3 technical report, table 2), but never more than the model.
 */
export function holdingsOf(configuration: Configuration): readonly Holding[] {
  const { family, layers, model } = configuration;
  const roles = rolesOf(configuration);
  const actions = roles.map(({ name }) => actionsOf(configuration, name));
  // Phases of one's own making need not say what they do to tokens: then each role does all of it.
  const isSaid = actions.some((set) => set.has('attend') || set.has('project'));
  const isWhole = family === 'inference' || denseLayerCount(configuration) > 0 || layers === model.layers;
  return roles.map((role, index): Holding => {
    const { moe, dense } = layersOf(configuration, role);
    const chunks = isPaired(configuration) ? Math.min(2, model.layers / Math.max(1, moe + dense)) : 1;
    const attention = !isSaid || actions[index].has('attend') || actions[index].has('project');
    const { expertRanks } = role.group;
    return {
      role,
      moeLayers: moe * chunks,
      denseLayers: dense * chunks,
      experts: role.ranks.some((rank) => expertRanks.includes(rank))
        ? placedExperts(configuration) / expertRanks.length
        : 0,
      attention,
      shared: !isSaid || actions[index].has('shared'),
      embedding: attention && isWhole && role.layers.first === 0,
      head: attention && isWhole && role.layers.last === layers - 1,
      stages: stagesOf(configuration),
      ...keptOf(configuration, index),
    };
  });
}
