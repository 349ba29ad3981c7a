import type { RunEvent } from '../run-events.js';

/** Where a run's workers serve their metrics, for Prometheus to ask for: it then needs no name service. */
export class WorkerTargets {
  readonly #lingerMs: number;
  #targets: readonly string[] = [];
  #listedUntil = Number.POSITIVE_INFINITY;

  /** @param lingerSeconds how long workers stay after the run. */
  constructor(lingerSeconds: number) {
    this.#lingerMs = lingerSeconds * 1000;
  }

  /** Takes in what has happened in the run. */
  note(event: RunEvent): void {
    if (event.type === 'connecting') this.#targets = event.workers.flatMap(({ metricsTarget }) => metricsTarget ?? []);
    else if (event.type === 'ended') this.#listedUntil = performance.now() + this.#lingerMs;
  }

  /** Target groups, as `http_sd_configs` and `file_sd_configs` have them; none before workers listen or once they left. */
  get groups(): readonly { readonly targets: readonly string[] }[] {
    const listed = this.#targets.length > 0 && performance.now() <= this.#listedUntil;
    return listed ? [{ targets: this.#targets }] : [];
  }
}
