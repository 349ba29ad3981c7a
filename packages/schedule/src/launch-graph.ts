import type { Operation } from './program.js';

/** What an operation waits for on its rank: by gates, by its issue, and by the one before it on its stream. */
export class LaunchGraph {
  /** By id. */
  readonly #before = new Map<number, readonly number[]>();

  /** @param operations in launch order. */
  constructor(operations: readonly Pick<Operation, 'id' | 'role' | 'stream' | 'gates' | 'issue'>[]) {
    const lastOnStream = new Map<string, number>();
    for (const { id, role, stream, gates, issue } of operations) {
      const last = lastOnStream.get(`${role} ${stream}`);
      lastOnStream.set(`${role} ${stream}`, id);
      this.#before.set(
        id,
        [...gates, issue, last].filter((earlier) => earlier !== undefined),
      );
    }
  }

  /** @returns whether an operation cannot start before one of those that `isWanted` tells has ended. */
  follows(id: number, isWanted: (earlier: number) => boolean): boolean {
    const seen = new Set([id]);
    const open = [id];
    for (const next of open) {
      for (const earlier of this.#before.get(next)!) {
        if (isWanted(earlier)) return true;
        if (seen.has(earlier)) continue;
        seen.add(earlier);
        open.push(earlier);
      }
    }
    return false;
  }
}
