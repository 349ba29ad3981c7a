import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { IntervalHistogram } from 'node:perf_hooks';
import { EPEMU_VERSION } from '@epemu/core';
import type { Collector, Exposition, LabelsOf } from '@epemu/metrics';

/** How often the event loop is to turn while its delay is measured: some 50 wake-ups a second. */
const RESOLUTION_MS = 20;

/** Shows what any process of a run has: its version, its run, CPU time, memory, and whether its event loop turns. */
export class ProcessMetrics implements Collector {
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  /** The run that the process belongs to, once it is known. */
  run: LabelsOf<'runInfo'> | undefined;

  constructor() {
    this.#delay.enable();
  }

  collect(exposition: Exposition): void {
    exposition.set('buildInfo', { version: EPEMU_VERSION, nodejs: process.version }, 1);
    if (this.run !== undefined) exposition.set('runInfo', this.run, 1);
    const { user, system } = process.cpuUsage();
    exposition.set('cpu', { mode: 'user' }, user / 1e6);
    exposition.set('cpu', { mode: 'system' }, system / 1e6);
    exposition.set('residentMemory', {}, process.memoryUsage.rss());
    this.#collectDelay(exposition);
  }

  /** Stops measuring. */
  close(): void {
    this.#delay.disable();
  }

  #collectDelay(exposition: Exposition): void {
    const delay = this.#delay;
    // Node measures from turn to turn, the time until the next is due included.
    const beyond = (ns: number): number => Math.max(0, ns / 1e9 - RESOLUTION_MS / 1000);
    const values = { mean: delay.mean, p99: delay.percentile(99), max: delay.max };
    const none = delay.count === 0;
    for (const [statistic, ns] of Object.entries(values)) {
      exposition.set('eventLoopDelay', { statistic }, none ? 0 : beyond(ns));
    }
    delay.reset();
  }
}
