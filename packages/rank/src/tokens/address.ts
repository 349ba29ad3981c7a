import type { Direction } from '@epemu/schedule';

/** A movement of real tokens: one collective of one exchange. */
export interface Movement {
  /** Index into the program's exchanges. */
  readonly exchange: number;
  readonly direction: Direction;
  readonly type: 'dispatch' | 'combine';
}

/** @returns the number that stands for a movement in payload messages. */
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
