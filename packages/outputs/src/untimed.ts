import type { Program } from '@epemu/schedule';

/** Pairs told by name; the others are counted. */
const MOST_TOLD = 3;

/** @returns one sentence about computation that is not timed again by a transfer beside it; undefined where all is. */
export function untimedSentence({ untimed, operations }: Pick<Program, 'untimed' | 'operations'>): string | undefined {
  const pairs = new Set(
    untimed.map(({ compute, collective }) => `${operations[compute].phase} by ${operations[collective].phase}`),
  );
  if (pairs.size === 0) return undefined;
  const told = [...pairs].slice(0, MOST_TOLD).join(', ');
  const more = pairs.size > MOST_TOLD ? ` and ${pairs.size - MOST_TOLD} more pairs` : '';
  return `Not slowed, though they may run at the same time, since each would wait for the other’s end: ${told}${more}.`;
}
