import { shareOf } from '@epemu/schedule';
import type { Program } from '@epemu/schedule';

/** How far a run is. */
export interface RunProgress {
  readonly stage: 'starting' | 'running' | 'merging';
  readonly phase?: string;
  readonly layer?: number;
  /** Slots of the workers that have joined, while workers are waited for. */
  readonly joinedSlots?: number;
  /** Share of the program's operations that the slowest rank has started, 0 to 1. */
  readonly share: number;
}

/** Follows the slowest rank of a run. */
export class ProgressTracker {
  readonly #program: Program;
  readonly #ranks: number;
  /** Operation that each rank is in. */
  readonly #current = new Map<number, number>();

  constructor(program: Program, ranks: number) {
    this.#program = program;
    this.#ranks = ranks;
  }

  /** Takes in where ranks are. @returns how far the slowest is; undefined until all have begun. */
  note(operations: readonly (readonly [number, number])[]): RunProgress | undefined {
    for (const [rank, operation] of operations) this.#current.set(rank, operation);
    if (this.#current.size < this.#ranks) return undefined;
    let slowest = 0;
    let share = Number.POSITIVE_INFINITY;
    for (const operation of this.#current.values()) {
      const of = shareOf(this.#program, operation);
      if (of < share) [slowest, share] = [operation, of];
    }
    const { phase, layer } = this.#program.operations[slowest];
    return { stage: 'running', phase, layer, share };
  }
}
