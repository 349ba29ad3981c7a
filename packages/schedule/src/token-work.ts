import { isAutoregressive } from '@epemu/config';
import type { Configuration } from '@epemu/config';
import { BadInputError } from '@epemu/core';
import { LaunchGraph } from './launch-graph.js';
import type { Operation, Program } from './program.js';

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

/** Works of one (micro-batch, direction, layer), with the operations that do each. */
class LayerWork {
  readonly #operations = new Map<Work, Operation[]>();
  /** Any of its operations, for messages. */
  readonly sample: Operation;

  constructor(sample: Operation) {
    this.sample = sample;
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
    if (this.sample.direction === 'backward') return ['attend'];
    return this.sample.dense ? ['dense'] : ['receive back', 'shared'];
  }

  /** What first needs the layer's input (backward: its gradient). */
  get inputs(): readonly Work[] {
    if (this.sample.direction === 'backward') return this.sample.dense ? ['dense'] : ['send to experts', 'shared'];
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

/** Works that a layer must have exactly once, and which of them come before which. */
function rulesOf({ sample }: LayerWork, shared: boolean): { once: Work[]; order: [Work, Work][] } {
  const backward = sample.direction === 'backward';
  if (sample.dense) return { once: ['attend', 'dense'], order: [backward ? ['dense', 'attend'] : ['attend', 'dense']] };
  const moved: Work[] = ['send to experts', 'receive for experts', 'experts', 'send back', 'receive back'];
  const once: Work[] = ['attend', ...(backward ? [] : (['route'] as const)), ...moved];
  if (shared) once.push('shared');
  const order: [Work, Work][] = [
    ['send to experts', 'receive for experts'],
    ['receive for experts', 'experts'],
    ['experts', 'send back'],
    ['send back', 'receive back'],
  ];
  if (backward) return { once, order: [...order, ['receive back', 'attend'], ['shared', 'attend']] };
  return {
    once,
    order: [
      ['project', 'attend'],
      ['attend', 'route'],
      ['attend', 'send to experts'],
      ['route', 'send to experts'],
      ...order,
      ['attend', 'shared'],
    ],
  };
}

/**
 * Checks that a program does to tokens what the model does: in each layer that it runs, everything once, and each behind
 * what it works on, by streams and gates. What a run's numerics vouch for is then what its schedule did.
 *
 * @throws BadInputError naming the phase, or what no phase does.
 */
export function checkTokenWork(configuration: Configuration, program: Program): void {
  const layers = new LayerTable(configuration, program);
  const order = new TokenOrder(program);
  const shared = configuration.model.sharedExperts > 0;
  for (const work of layers.all()) {
    const rules = rulesOf(work, shared);
    for (const name of rules.once) checkOnce(work, name);
    for (const [earlier, later] of rules.order) order.check(work, earlier, work, later);
    const { previous, isTakenOver, isHandedOn } = layers.around(work);
    if (isTakenOver) {
      checkOnce(work, 'take over');
      for (const later of work.inputs) order.check(work, 'take over', work, later);
    }
    if (isHandedOn) {
      checkOnce(work, 'hand on');
      for (const earlier of work.outputs) order.check(work, earlier, work, 'hand on');
    }
    for (const earlier of previous?.outputs ?? []) {
      for (const later of work.inputs) order.check(previous!, earlier, work, later);
    }
  }
}

/** The works of a program by group, direction, micro-batch and layer. */
class LayerTable {
  readonly #configuration: Configuration;
  readonly #program: Program;
  readonly #layers = new Map<string, LayerWork>();

  constructor(configuration: Configuration, program: Program) {
    this.#configuration = configuration;
    this.#program = program;
    for (const operation of program.operations) {
      if (worksOf(operation).length === 0) continue;
      const key = this.#key(operation, operation);
      let work = this.#layers.get(key);
      if (work === undefined) this.#layers.set(key, (work = new LayerWork(operation)));
      work.add(operation);
    }
  }

  all(): Iterable<LayerWork> {
    return this.#layers.values();
  }

  /** @returns the layer whose output a layer works on, and whether its input, or its output, is another group's. */
  around({ sample }: LayerWork): { previous: LayerWork | undefined; isTakenOver: boolean; isHandedOn: boolean } {
    const { schedule, layers } = this.#configuration;
    const { direction, microBatch, layer } = sample;
    const [down, up, step] = direction === 'forward' ? [0, layers - 1, 1] : [layers - 1, 0, -1];
    const inGroup = this.#layers.get(this.#key(sample, { layer: layer - step }));
    const isWithin = layer >= 0 && layer < layers;
    const isTakenOver = isWithin && layer !== down && inGroup === undefined;
    const isHandedOn = isWithin && layer !== up && !this.#layers.has(this.#key(sample, { layer: layer + step }));
    if (inGroup !== undefined || layer !== down) return { previous: inGroup, isTakenOver, isHandedOn };
    const previous =
      direction === 'backward'
        ? this.#layers.get(this.#key(sample, { direction: 'forward' }))
        : isAutoregressive(this.#configuration)
          ? this.#layers.get(this.#key(sample, { microBatch: microBatch - schedule.microBatches, layer: up }))
          : undefined;
    return { previous, isTakenOver, isHandedOn };
  }

  #key(sample: Operation, changes: Partial<Pick<Operation, 'direction' | 'microBatch' | 'layer'>>): string {
    const { direction, microBatch, layer } = { ...sample, ...changes };
    return `${this.#program.roles[sample.role].group} ${direction} ${microBatch} ${layer}`;
  }
}

function where({ sample: { layer, microBatch, direction } }: LayerWork): string {
  return `layer ${layer}, micro-batch ${microBatch}${direction === 'backward' ? ', backward' : ''}`;
}

function checkOnce(work: LayerWork, name: Work): void {
  const [one, ...others] = work.of(name);
  // Of a collective every role of the group has its own operation.
  const other = others.find(({ role, exchange }) => exchange === undefined || role === one.role);
  if (one === undefined) {
    const problem = `in ${where(work)}, no phase ${SAID[name]}`;
    throw new BadInputError(
      'schedule.phases',
      `${problem}; add one, so that the schedule computes what the model does`,
    );
  }
  if (other === undefined) return;
  const both = one.phase === other.phase ? `and does so again` : `and so does phase ${other.phase}`;
  throw new BadInputError(
    `schedule.phases (${other.phase})`,
    `in ${where(work)}, phase ${one.phase} ${SAID[name]}, ${both}; remove one of them`,
  );
}

/** Which work comes before which, by streams, gates and order within a phase. */
class TokenOrder {
  readonly #graph: LaunchGraph;

  constructor(program: Program) {
    this.#graph = new LaunchGraph(program.operations);
  }

  /** @throws BadInputError unless the later work cannot start before the earlier one has ended. */
  check(earlierLayer: LayerWork, earlier: Work, laterLayer: LayerWork, later: Work): void {
    for (const needed of earlierLayer.of(earlier)) {
      for (const operation of laterLayer.of(later)) {
        // Between roles the collectives that both have put what comes after them in order.
        if (operation.role !== needed.role) continue;
        const works = worksOf(operation);
        const within = operation.id === needed.id && works.indexOf(earlier) < works.indexOf(later);
        if (within || this.#graph.follows(operation.id, (id) => id === needed.id)) continue;
        throw new BadInputError(
          `schedule.phases (${operation.phase})`,
          `phase ${operation.phase} in ${where(laterLayer)} needs what ${needed.phase} of layer ${needed.layer} makes of the ` +
            `tokens, but nothing puts ${needed.phase} before it; add it to its after`,
        );
      }
    }
  }
}
