import type { Direction, Operation } from './program.js';

/** A movement of data within an exchange: to the experts (or to the next role), or back from the experts. */
export interface Movement {
  /** Index into the program's exchanges. */
  readonly exchange: number;
  readonly direction: Direction;
  readonly type: 'dispatch' | 'combine';
}

/** @returns the number that stands for a movement in messages, the same whatever role an end has. */
export function movementId({ exchange, direction, type }: Movement): number {
  return exchange * 4 + (direction === 'backward' ? 2 : 0) + (type === 'combine' ? 1 : 0);
}

/** @returns the movement a number stands for. */
export function movementOf(id: number): Movement {
  return {
    exchange: Math.floor(id / 4),
    direction: id % 4 >= 2 ? 'backward' : 'forward',
    type: id % 2 === 1 ? 'combine' : 'dispatch',
  };
}

/** @returns the number that stands in messages for what an operation moves, or waits for. */
export function movementIdOf({ exchange, direction, collective }: Operation): number {
  return movementId({ exchange: exchange!, direction, type: collective!.type === 'combine' ? 'combine' : 'dispatch' });
}
