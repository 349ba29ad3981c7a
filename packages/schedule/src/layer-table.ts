import { isAutoregressive, isDenseLayer, pipelineOf, rolesOf } from '@epemu/config';
import type { Configuration, Role } from '@epemu/config';
import { BadInputError } from '@epemu/core';
import { LayerWork, worksOf } from './layer-work.js';
import type { LayerPlace } from './layer-work.js';
import type { Program } from './program.js';

/** What a program does, and what it should do, by role, direction, micro-batch and layer. */
export class LayerTable {
  readonly #configuration: Configuration;
  readonly #program: Program;
  readonly #layers = new Map<string, LayerWork>();

  constructor(configuration: Configuration, program: Program) {
    this.#configuration = configuration;
    this.#program = program;
    for (const operation of program.operations) {
      if (worksOf(operation).length > 0) this.#at(operation).add(operation);
    }
    this.#addMissing();
  }

  all(): Iterable<LayerWork> {
    return this.#layers.values();
  }

  /** @returns the layer whose output a layer works on, and whether its input, or its output, is another role's. */
  around({ place, attends }: LayerWork): {
    previous: LayerWork | undefined;
    isTakenOver: boolean;
    isHandedOn: boolean;
  } {
    const { schedule, layers } = this.#configuration;
    const { direction, microBatch, layer } = place;
    const [down, up, step] = direction === 'forward' ? [0, layers - 1, 1] : [layers - 1, 0, -1];
    const inRole = this.#layers.get(keyOf({ ...place, layer: layer - step }));
    const isWithin = attends && layer >= 0 && layer < layers;
    const isTakenOver = isWithin && layer !== down && inRole === undefined;
    const isHandedOn = isWithin && layer !== up && !this.#layers.has(keyOf({ ...place, layer: layer + step }));
    if (inRole !== undefined || layer !== down) return { previous: inRole, isTakenOver, isHandedOn };
    const previous =
      direction === 'backward'
        ? this.#layers.get(keyOf({ ...place, direction: 'forward' }))
        : isAutoregressive(this.#configuration)
          ? this.#layers.get(keyOf({ ...place, microBatch: microBatch - schedule.microBatches, layer: up }))
          : undefined;
    return { previous, isTakenOver, isHandedOn };
  }

  /** Layers in which nothing is done, though a micro-batch goes through them: what they lack is told as of all others. */
  #addMissing(): void {
    const { schedule, steps } = this.#configuration;
    const microBatches = schedule.microBatches * steps;
    rolesOf(this.#configuration).forEach((ofRole, role) => {
      const { name, group } = ofRole;
      const ofGroup = this.#program.roles.flatMap((other, index) => (other.group === group.name ? [index] : []));
      if (!ofGroup.some((index) => this.#program.roles[index].attends)) {
        const who = this.#program.roles.length === 1 ? 'no phase attends' : `no phase of role ${name} attends`;
        throw new BadInputError('schedule.phases', `${who} (tokens: [attend]); add one, or nothing has tokens to move`);
      }
      const gone = new Set<string>();
      for (const { place } of this.#layers.values()) {
        if (ofGroup.includes(place.role)) gone.add(`${place.direction} ${place.microBatch}`);
      }
      for (let microBatch = 0; microBatch < microBatches; microBatch++) {
        const directions = (['forward', 'backward'] as const).filter((way) => gone.has(`${way} ${microBatch}`));
        if (directions.length === 0) {
          const problem = `no phase works on micro-batch ${microBatch}, though schedule.microBatches is ${schedule.microBatches}`;
          throw new BadInputError('schedule.microBatches', `${problem}; add phases for it, or lower it`);
        }
        for (const direction of directions) {
          for (const layer of this.#layersOf(ofRole, role, microBatch)) {
            this.#at({ role, direction, microBatch, layer, dense: isDenseLayer(this.#configuration, layer) });
          }
        }
      }
    });
  }

  /** Layers in which a role works on a micro-batch: of a pipeline's stages those that the micro-batch goes through there. */
  #layersOf({ chunks }: Role, role: number, microBatch: number): number[] {
    const pipeline = pipelineOf(this.#configuration);
    const way = pipeline?.wayOf(microBatch);
    const ranges = pipeline === undefined ? chunks : pipeline.stages.filter((_, stage) => way?.[stage] === role);
    return ranges.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, i) => first + i));
  }

  #at({ role, direction, microBatch, layer, dense }: LayerPlace): LayerWork {
    const place = { role, direction, microBatch, layer, dense };
    const key = keyOf(place);
    let work = this.#layers.get(key);
    if (work === undefined) {
      const { ranks, group } = rolesOf(this.#configuration)[role];
      const holdsExperts = ranks.some((rank) => group.expertRanks.includes(rank));
      work = new LayerWork(place, { attends: this.#program.roles[role].attends, holdsExperts });
      this.#layers.set(key, work);
    }
    return work;
  }
}

function keyOf({ role, direction, microBatch, layer }: LayerPlace): string {
  return `${role} ${direction} ${microBatch} ${layer}`;
}
