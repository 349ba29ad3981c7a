import { blocksHost } from '@epemu/schedule';
import type { Operation, Program } from '@epemu/schedule';
import type { ReplayModel } from './model.js';

/** The CPU of one rank, as events: it launches until it has to poll a notify, and goes on when that has ended. */
export class ReplayHostClock {
  readonly #program: Program;
  readonly #model: ReplayModel;
  /** When the CPU came to each operation, and when it came back to those it stopped at. */
  readonly #launchNs = new Map<number, number>();
  readonly #resumeNs = new Map<number, number>();
  #freeNs = 0;

  constructor(program: Program, model: ReplayModel) {
    this.#program = program;
    this.#model = model;
    this.#launch();
  }

  #behindNotify({ kernels }: Operation): number {
    return kernels.length - 1 - kernels.findIndex(({ role }) => role === 'notify');
  }

  /** Launches on from where it stands to the next operation that it stops at. */
  #launch(): void {
    const { operations } = this.#program;
    while (this.#launchNs.size < operations.length) {
      const operation = operations[this.#launchNs.size];
      const stops = blocksHost(this.#program, operation);
      this.#launchNs.set(operation.id, this.#freeNs);
      const launched = operation.kernels.length - (stops ? this.#behindNotify(operation) : 0);
      this.#freeNs += launched * this.#model.host.kernelLaunchNs;
      if (stops) return;
    }
  }

  /** The notify of an operation has ended: where the CPU stopped at it, it goes on. */
  notified(operation: Operation, endNs: number): void {
    if (!blocksHost(this.#program, operation)) return;
    const { notifyPollNs, kernelLaunchNs } = this.#model.host;
    this.#freeNs = Math.max(this.#freeNs, endNs + notifyPollNs);
    this.#resumeNs.set(operation.id, this.#freeNs);
    this.#freeNs += this.#behindNotify(operation) * kernelLaunchNs;
    this.#launch();
  }

  /** @returns when a kernel of an operation is launched, integer ns, 0 in a graph; undefined while it is not. */
  launchNs(operation: Operation, index: number): number | undefined {
    if (this.#program.launch === 'graph') return 0;
    const { kernelLaunchNs } = this.#model.host;
    const resumeNs = this.#resumeNs.get(operation.id);
    const notify = operation.kernels.length - 1 - this.#behindNotify(operation);
    if (resumeNs !== undefined && index > notify) return resumeNs + (index - notify - 1) * kernelLaunchNs;
    const launchNs = this.#launchNs.get(operation.id);
    return launchNs === undefined ? undefined : launchNs + index * kernelLaunchNs;
  }

  /** @returns the earliest start of a kernel of an operation, integer ns; undefined while it is not launched. */
  earliestNs(operation: Operation, index: number): number | undefined {
    const launchNs = this.launchNs(operation, index);
    if (launchNs === undefined || this.#program.launch === 'graph') return launchNs;
    return launchNs + this.#model.host.launchLatencyNs;
  }
}
