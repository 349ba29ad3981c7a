import type { Configuration } from '@epemu/config';
import { BadInputError } from '@epemu/core';
import { LaunchGraph } from './launch-graph.js';
import { LayerTable } from './layer-table.js';
import { OF_ATTENDING, ORDER, SAID, dutiesOf, worksOf } from './layer-work.js';
import type { LayerWork, Work } from './layer-work.js';
import type { Program } from './program.js';

/**
 * Checks that a program does to tokens what the model does: for each micro-batch, in each layer, everything once, and each
 * behind what it works on, by streams and gates. What a run's numerics vouch for is then what its schedule did.
 *
 * @throws BadInputError naming the phase, or what no phase does.
 */
export function checkTokenWork(configuration: Configuration, program: Program): void {
  const layers = new LayerTable(configuration, program);
  const order = new TokenOrder(program);
  const shared = configuration.model.sharedExperts > 0;
  const checks = new WorkChecks(program);
  for (const work of layers.all()) {
    for (const name of dutiesOf(work, shared)) checks.once(work, name);
    if (!work.attends) for (const name of OF_ATTENDING) checks.never(work, name, 'does not attend');
    if (!work.holdsExperts) checks.never(work, 'experts', 'holds no experts');
    for (const [earlier, later] of ORDER[work.place.direction]) order.check(work, earlier, work, later);
    const { previous, isTakenOver, isHandedOn } = layers.around(work);
    if (isTakenOver) {
      checks.once(work, 'take over');
      for (const later of work.inputs) order.check(work, 'take over', work, later);
    }
    if (isHandedOn) {
      checks.once(work, 'hand on');
      for (const earlier of work.outputs) order.check(work, earlier, work, 'hand on');
    }
    for (const earlier of previous?.outputs ?? []) {
      for (const later of work.inputs) order.check(previous!, earlier, work, later);
    }
  }
}

/** @returns where a work is, for a refusal. */
function where(program: Program, { place: { role, layer, microBatch, direction } }: LayerWork): string {
  const ofRole = program.roles.length === 1 ? '' : `, role ${program.roles[role].name}`;
  return `layer ${layer}, micro-batch ${microBatch}${direction === 'backward' ? ', backward' : ''}${ofRole}`;
}

/** Whether works are there as often as they should be. */
class WorkChecks {
  readonly #program: Program;

  constructor(program: Program) {
    this.#program = program;
  }

  /** @throws BadInputError unless a layer has a work exactly once. */
  once(work: LayerWork, name: Work): void {
    const [one, other] = work.of(name);
    const place = where(this.#program, work);
    if (one === undefined) {
      throw new BadInputError(
        'schedule.phases',
        `in ${place}, no phase ${SAID[name]}; add one, so that the schedule computes what the model does` +
          (work.place.dense ? ' (a phase without denseKernels is absent in dense layers)' : ''),
      );
    }
    if (other === undefined) return;
    const both = one.phase === other.phase ? `and does so again` : `and so does phase ${other.phase}`;
    throw new BadInputError(
      `schedule.phases (${other.phase})`,
      `in ${place}, phase ${one.phase} ${SAID[name]}, ${both}; remove one of them`,
    );
  }

  /** @throws BadInputError where a layer has a work that the role cannot do. */
  never(work: LayerWork, name: Work, why: string): void {
    const [one] = work.of(name);
    if (one === undefined) return;
    const role = this.#program.roles[work.place.role].name;
    throw new BadInputError(
      `schedule.phases (${one.phase})`,
      `phase ${one.phase} ${SAID[name]}, but it is for the role ${role}, which ${why}; give it to another role`,
    );
  }
}

/** Which work comes before which, by streams, gates and order within a phase. */
class TokenOrder {
  readonly #program: Program;
  readonly #graph: LaunchGraph;

  constructor(program: Program) {
    this.#program = program;
    this.#graph = new LaunchGraph(program.operations);
  }

  /** @throws BadInputError unless the later work cannot start before the earlier one has ended. */
  check(earlierLayer: LayerWork, earlier: Work, laterLayer: LayerWork, later: Work): void {
    for (const needed of earlierLayer.of(earlier)) {
      for (const operation of laterLayer.of(later)) {
        const works = worksOf(operation);
        const within = operation.id === needed.id && works.indexOf(earlier) < works.indexOf(later);
        if (within || this.#graph.follows(operation.id, (id) => id === needed.id)) continue;
        throw new BadInputError(
          `schedule.phases (${operation.phase})`,
          `phase ${operation.phase} in ${where(this.#program, laterLayer)} needs what ${needed.phase} of layer ${needed.layer} makes of the ` +
            `tokens, but nothing puts ${needed.phase} before it; add it to its after`,
        );
      }
    }
  }
}
