import type { Operation } from './program.js';

/** What an operation waits for on its rank: by gates, by its issue, and by the one before it on its stream. */
export class LaunchGraph {
  readonly #before: readonly (readonly number[])[];

  /** @param operations in launch order. */
  constructor(operations: readonly Pick<Operation, 'id' | 'stream' | 'gates' | 'issue'>[]) {
    const lastOnStream = new Map<number, number>();
    this.#before = operations.map(({ id, stream, gates, issue }) => {
      const last = lastOnStream.get(stream);
      lastOnStream.set(stream, id);
      return [...gates, issue, last].filter((earlier) => earlier !== undefined);
    });
  }

  /** @returns whether an operation cannot start before one of those that `isWanted` tells has ended. */
  follows(id: number, isWanted: (earlier: number) => boolean): boolean {
    const seen = new Set([id]);
    const open = [id];
    for (const next of open) {
      for (const earlier of this.#before[next]) {
        if (isWanted(earlier)) return true;
        if (seen.has(earlier)) continue;
        seen.add(earlier);
        open.push(earlier);
      }
    }
    return false;
  }
}
