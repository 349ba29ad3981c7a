import type { Direction } from '@epemu/schedule';

/** A movement of real tokens: one collective of one layer and micro-batch. */
export interface Movement {
  readonly layer: number;
  readonly microBatch: number;
  readonly direction: Direction;
  readonly type: 'dispatch' | 'combine';
}

/** @returns the number that stands for a movement in payload messages. Layers start at −1, the warm-up layer. */
export function movementId({ layer, microBatch, direction, type }: Movement): number {
  return ((layer + 1) * 2 + microBatch) * 4 + (direction === 'backward' ? 2 : 0) + (type === 'combine' ? 1 : 0);
}

/** @returns the movement a number stands for. */
export function movementOf(id: number): Movement {
  return {
    layer: Math.floor(id / 8) - 1,
    microBatch: Math.floor(id / 4) % 2,
    direction: id % 4 >= 2 ? 'backward' : 'forward',
    type: id % 2 === 1 ? 'combine' : 'dispatch',
  };
}
