import type { LaunchCosts } from '@epemu/config';
import { blocksHost, idLimit } from '@epemu/schedule';
import type { Program } from '@epemu/schedule';
import type { Activity, EventQueue } from './event-queue.js';
import { OperationTimes } from './operation-times.js';

/**
 * The CPU that launches a rank's operations in launch order, one kernel after the other, and stops at each uncached
 * dispatch until it has read the counts that its notify brings. A captured graph is launched at once.
 */
export class HostClock {
  readonly #program: Program;
  readonly #host: LaunchCosts;
  readonly #launches: OperationTimes;
  /** Of operations that the CPU stops at: the end of their notify, and when the CPU goes on. */
  readonly #notified: OperationTimes;
  readonly #resumed: OperationTimes;
  /** By operation: the index of the notify that the CPU polls; +∞ of those that it does not stop at. */
  readonly #polled: Float64Array;

  constructor(queue: EventQueue, program: Program, host: LaunchCosts) {
    this.#program = program;
    this.#host = host;
    this.#polled = new Float64Array(idLimit(program)).fill(Infinity);
    for (const operation of program.operations) {
      if (!blocksHost(program, operation)) continue;
      this.#polled[operation.id] = operation.kernels.findIndex(({ role }) => role === 'notify');
    }
    this.#launches = new OperationTimes(queue, idLimit(program));
    this.#notified = new OperationTimes(queue, idLimit(program));
    this.#resumed = new OperationTimes(queue, idLimit(program));
  }

  /** Launches the whole program. */
  *run(): Activity<void> {
    const { kernelLaunchNs, notifyPollNs } = this.#host;
    let freeNs = 0;
    for (const { id, kernels } of this.#program.operations) {
      this.#launches.tell(id, freeNs);
      freeNs += kernels.length * kernelLaunchNs;
      if (this.#polled[id] === Infinity) continue;
      const behind = kernels.length - 1 - this.#polled[id];
      freeNs -= behind * kernelLaunchNs;
      freeNs = Math.max(freeNs, (yield* this.#notified.of(id)) + notifyPollNs);
      this.#resumed.tell(id, freeNs);
      freeNs += behind * kernelLaunchNs;
    }
  }

  /** Tells that the notify of an operation has ended. */
  notified(operation: number, endNs: number): void {
    this.#notified.tell(operation, endNs);
  }

  /** @returns when the CPU begins to launch kernel `index` of an operation, integer ns; 0 for kernels of a graph. */
  *launchNs(operation: number, index: number): Activity<number> {
    if (this.#program.launch === 'graph') return 0;
    const { kernelLaunchNs } = this.#host;
    const notify = this.#polled[operation];
    return index > notify
      ? (yield* this.#resumed.of(operation)) + (index - notify - 1) * kernelLaunchNs
      : (yield* this.#launches.of(operation)) + index * kernelLaunchNs;
  }

  /** @returns the earliest start of a kernel that is launched then, integer ns. */
  earliestNs(launchNs: number): number {
    return this.#program.launch === 'graph' ? 0 : launchNs + this.#host.launchLatencyNs;
  }
}
