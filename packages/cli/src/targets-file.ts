import { renameSync, rmSync, writeFileSync } from 'node:fs';
import type { PlacedWorker } from '@epemu/cluster';
import { BadInputError, messageOf } from '@epemu/core';

/** Jobs that targets are of, the same as in docker/prometheus/prometheus.yml. */
export const JOBS = { coordinator: 'epemu-coordinator', worker: 'epemu-worker' } as const;

/** A list of targets as Prometheus' `file_sd_configs` reads it; replaced as a whole, so that nobody reads half of it. */
export class TargetsFile {
  readonly #path: string;

  /**
   * Begins with no targets.
   * @throws BadInputError when it cannot be written.
   */
  constructor(path: string) {
    this.#path = path;
    if (!path.endsWith('.json')) {
      throw new BadInputError(
        '--prometheus-sd',
        `--prometheus-sd is ${path}, which does not end in .json; Prometheus reads no other list of this form`,
      );
    }
    try {
      this.clear();
    } catch (error) {
      throw new BadInputError(
        '--prometheus-sd',
        `--prometheus-sd is ${path}, which cannot be written (${messageOf(error)}); name a file in a folder that is there`,
      );
    }
  }

  /** Lists a run's processes that serve metrics. */
  list(coordinator: string, workers: readonly PlacedWorker[]): void {
    const targets = workers.flatMap(({ metricsTarget }) => metricsTarget ?? []);
    this.#write([
      { targets: [coordinator], labels: { job: JOBS.coordinator } },
      ...(targets.length === 0 ? [] : [{ targets, labels: { job: JOBS.worker } }]),
    ]);
  }

  /** Lists nothing: Prometheus lets go of the targets instead of finding them down. */
  clear(): void {
    this.#write([]);
  }

  #write(groups: readonly { readonly targets: readonly string[]; readonly labels: Record<string, string> }[]): void {
    const partial = `${this.#path}.${process.pid}.tmp`;
    try {
      writeFileSync(partial, `${JSON.stringify(groups, null, 1)}\n`);
      renameSync(partial, this.#path);
    } finally {
      rmSync(partial, { force: true });
    }
  }
}
