import { deferred } from '@epemu/core';
import type { Deferred } from '@epemu/core';
import type { HardwarePreset } from '@epemu/presets';
import { blocksHost } from '@epemu/schedule';
import type { Program } from '@epemu/schedule';

/**
 * The CPU that launches a rank's operations in launch order, one kernel after the other, and stops at each uncached
 * dispatch until it has read the counts that its notify brings. A captured graph is launched at once.
 */
export class HostClock {
  readonly #program: Program;
  readonly #host: HardwarePreset['host'];
  readonly #launches: Deferred<number>[];
  /** Of operations that the CPU stops at: the end of their notify, and when the CPU goes on. */
  readonly #notified: Deferred<number>[];
  readonly #resumed: Deferred<number>[];
  /** By operation: the index of the notify that the CPU polls; +∞ of those that it does not stop at. */
  readonly #polled: readonly number[];

  constructor(program: Program, host: HardwarePreset['host']) {
    this.#program = program;
    this.#host = host;
    this.#polled = program.operations.map((operation) =>
      blocksHost(program, operation) ? operation.kernels.findIndex(({ role }) => role === 'notify') : Infinity,
    );
    this.#launches = program.operations.map(() => deferred<number>());
    this.#notified = program.operations.map(() => deferred<number>());
    this.#resumed = program.operations.map(() => deferred<number>());
  }

  /** Launches the whole program. */
  async run(): Promise<void> {
    const { kernelLaunchNs, notifyPollNs } = this.#host;
    let freeNs = 0;
    for (const { id, kernels } of this.#program.operations) {
      this.#launches[id].resolve(freeNs);
      freeNs += kernels.length * kernelLaunchNs;
      if (this.#polled[id] === Infinity) continue;
      const behind = kernels.length - 1 - this.#polled[id];
      freeNs -= behind * kernelLaunchNs;
      freeNs = Math.max(freeNs, (await this.#notified[id].promise) + notifyPollNs);
      this.#resumed[id].resolve(freeNs);
      freeNs += behind * kernelLaunchNs;
    }
  }

  /** Tells that the notify of an operation has ended. */
  notified(operation: number, endNs: number): void {
    this.#notified[operation].resolve(endNs);
  }

  /** @returns when the CPU begins to launch kernel `index` of an operation, integer ns; 0 for kernels of a graph. */
  async launchNs(operation: number, index: number): Promise<number> {
    if (this.#program.launch === 'graph') return 0;
    const { kernelLaunchNs } = this.#host;
    const notify = this.#polled[operation];
    return index > notify
      ? (await this.#resumed[operation].promise) + (index - notify - 1) * kernelLaunchNs
      : (await this.#launches[operation].promise) + index * kernelLaunchNs;
  }

  /** @returns the earliest start of a kernel that is launched then, integer ns. */
  earliestNs(launchNs: number): number {
    return this.#program.launch === 'graph' ? 0 : launchNs + this.#host.launchLatencyNs;
  }
}
