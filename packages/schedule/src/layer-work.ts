import type { Direction, Operation } from './program.js';

/**
 * What happens to the tokens of a layer: what compute phases do, and start and end of what the collectives do. For a
 * collective that holds its stream both are the same operation, else the issue and its wait.
 */
export type Work =
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
export const SAID: Readonly<Record<Work, string>> = {
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
export interface LayerPlace {
  readonly role: number;
  readonly direction: Direction;
  readonly microBatch: number;
  readonly layer: number;
  readonly dense: boolean;
}

/** What is done in a {@link LayerPlace}, with the operations that do it. */
export class LayerWork {
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

/** @returns what an operation does to the tokens of its layer, in order. */
export function worksOf({ tokens, kind, collective }: Operation): Work[] {
  if (collective?.type === 'send') return [...tokens, 'hand on'];
  if (collective?.type === 'receive') return ['take over', ...tokens];
  if (collective === undefined || collective.mode === 'pipeline') return [...tokens];
  const [start, end]: [Work, Work] =
    collective.type === 'dispatch' ? ['send to experts', 'receive for experts'] : ['send back', 'receive back'];
  return [...tokens, ...(kind === 'wait' ? [] : [start]), ...(kind === 'issue' ? [] : [end])];
}

/** Which works come before which, where a role has both. */
export const ORDER: Readonly<Record<Direction, readonly (readonly [Work, Work])[]>> = {
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
export function dutiesOf({ place: { dense, direction }, attends, holdsExperts }: LayerWork, shared: boolean): Work[] {
  if (dense) return attends ? ['attend', 'dense'] : [];
  const attending: Work[] = attends ? ['attend'] : [];
  if (attends && direction === 'forward') attending.push('route');
  if (attends && shared) attending.push('shared');
  const experts: Work[] = holdsExperts ? ['experts'] : [];
  return [...attending, 'send to experts', 'receive for experts', ...experts, 'send back', 'receive back'];
}

/** Works of ranks that have tokens of their own. */
export const OF_ATTENDING: readonly Work[] = ['project', 'route', 'shared', 'dense'];
