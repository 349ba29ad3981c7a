import { denseLayerCount, isAutoregressive, rolesOf } from '@epemu/config';
import type { Configuration } from '@epemu/config';
import { BadInputError } from '@epemu/core';
import { LaunchGraph } from './launch-graph.js';
import type { Direction, Operation, Program } from './program.js';

/**
 * What happens to the tokens of a layer: what compute phases do, and start and end of what the collectives do. For a
 * collective that holds its stream both are the same operation, else the issue and its wait.
 */
type Work =
  | 'project'
  | 'attend'
  | 'route'
  | 'send to experts'
  | 'receive for experts'
  | 'experts'
  | 'send back'
  | 'receive back'
  | 'shared'
  | 'dense'
  | 'hand on'
  | 'take over';

/** How a refusal says what a work does. */
const SAID: Readonly<Record<Work, string>> = {
  project: 'projects its input',
  attend: 'attends (tokens: [attend])',
  route: 'routes (tokens: [route])',
  'send to experts': 'sends its tokens to the experts (a dispatch)',
  'receive for experts': 'waits for the tokens of its dispatch',
  experts: 'applies the experts (tokens: [experts])',
  'send back': 'brings the results of the experts back (a combine)',
  'receive back': 'waits for the results of its combine',
  shared: 'applies the shared expert (tokens: [shared])',
  dense: 'applies the dense MLP (tokens: [dense])',
  'hand on': 'sends its output on to the next role (a send)',
  'take over': 'receives its input from the role before (a receive)',
};

/** A layer of one micro-batch in one direction, as the ranks of a role work on it. */
interface LayerPlace {
  readonly role: number;
  readonly direction: Direction;
  readonly microBatch: number;
  readonly layer: number;
  readonly dense: boolean;
}

/** What is done in a {@link LayerPlace}, with the operations that do it. */
class LayerWork {
  readonly place: LayerPlace;
  /** Whether the role's ranks attend, and whether any of them holds experts. */
  readonly attends: boolean;
  readonly holdsExperts: boolean;
  readonly #operations = new Map<Work, Operation[]>();

  constructor(place: LayerPlace, { attends, holdsExperts }: { attends: boolean; holdsExperts: boolean }) {
    this.place = place;
    this.attends = attends;
    this.holdsExperts = holdsExperts;
  }

  add(operation: Operation): void {
    for (const work of worksOf(operation)) {
      const list = this.#operations.get(work);
      if (list === undefined) this.#operations.set(work, [operation]);
      else list.push(operation);
    }
  }

  of(work: Work): readonly Operation[] {
    return this.#operations.get(work) ?? [];
  }

  /** What the layer makes of its input (backward: of its gradient) is there when all of these have ended. */
  get outputs(): readonly Work[] {
    if (!this.attends) return [];
    if (this.place.direction === 'backward') return ['attend'];
    return this.place.dense ? ['dense'] : ['receive back', 'shared'];
  }

  /** What first needs the layer's input (backward: its gradient). */
  get inputs(): readonly Work[] {
    if (!this.attends) return [];
    if (this.place.direction === 'backward') return this.place.dense ? ['dense'] : ['send to experts', 'shared'];
    return this.of('project').length > 0 ? ['project'] : ['attend'];
  }
}

function worksOf({ tokens, kind, collective }: Operation): Work[] {
  if (collective?.type === 'send') return [...tokens, 'hand on'];
  if (collective?.type === 'receive') return ['take over', ...tokens];
  if (collective === undefined || collective.mode === 'pipeline') return [...tokens];
  const [start, end]: [Work, Work] =
    collective.type === 'dispatch' ? ['send to experts', 'receive for experts'] : ['send back', 'receive back'];
  return [...tokens, ...(kind === 'wait' ? [] : [start]), ...(kind === 'issue' ? [] : [end])];
}

/** Which works come before which, where a role has both. */
const ORDER: Readonly<Record<Direction, readonly (readonly [Work, Work])[]>> = {
  forward: [
    ['project', 'attend'],
    ['attend', 'route'],
    ['attend', 'send to experts'],
    ['route', 'send to experts'],
    ['send to experts', 'receive for experts'],
    ['receive for experts', 'experts'],
    ['experts', 'send back'],
    ['send back', 'receive back'],
    ['attend', 'shared'],
    ['attend', 'dense'],
  ],
  backward: [
    ['send to experts', 'receive for experts'],
    ['receive for experts', 'experts'],
    ['experts', 'send back'],
    ['send back', 'receive back'],
    ['receive back', 'attend'],
    ['shared', 'attend'],
    ['dense', 'attend'],
  ],
};

/** @returns works that a layer has exactly once: what attending ranks do, what those with experts do, and what all do. */
function dutiesOf({ place: { dense, direction }, attends, holdsExperts }: LayerWork, shared: boolean): Work[] {
  if (dense) return attends ? ['attend', 'dense'] : [];
  const attending: Work[] = attends ? ['attend'] : [];
  if (attends && direction === 'forward') attending.push('route');
  if (attends && shared) attending.push('shared');
  const experts: Work[] = holdsExperts ? ['experts'] : [];
  return [...attending, 'send to experts', 'receive for experts', ...experts, 'send back', 'receive back'];
}

/** Works of ranks that have tokens of their own. */
const OF_ATTENDING: readonly Work[] = ['project', 'route', 'shared', 'dense'];

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

/** What a program does, and what it should do, by role, direction, micro-batch and layer. */
class LayerTable {
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
    rolesOf(this.#configuration).forEach(({ name, layers, group }, role) => {
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
          for (let layer = layers.first; layer <= layers.last; layer++) {
            this.#at({ role, direction, microBatch, layer, dense: layer < denseLayerCount(this.#configuration) });
          }
        }
      }
    });
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
