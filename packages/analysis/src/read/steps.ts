import { BadInputError } from '@epemu/core';
import type { StepWindow } from '@epemu/timeline';
import type { KernelLaunches } from '../phases/annotated.js';
import type { FileCollector } from './collector.js';
import { RAW_KERNEL_COLUMNS, RawGpu } from './collector.js';

/** Tells the profiler's step that a moment of the host is in. */
class StepFinder {
  readonly #sorted: readonly StepWindow[];

  constructor({ steps }: FileCollector) {
    this.#sorted = [...steps.values()].sort((a, b) => a.startNs - b.startNs);
  }

  /** @returns −1 for none. */
  at(ns: number): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#sorted[middle].startNs <= ns) low = middle + 1;
      else high = middle;
    }
    const found = low === 0 ? undefined : this.#sorted[low - 1];
    return found !== undefined && ns < found.endNs ? found.step : -1;
  }
}

/** @returns by row the step in which a kernel was launched or, where no launch is recorded, began; −1 for none. */
function stepsOf(gpu: RawGpu, collector: FileCollector, { ns }: KernelLaunches): Int32Array {
  const finder = new StepFinder(collector);
  return Int32Array.from(gpu.kernels.column('startNs'), (start, row) =>
    finder.at(Number.isNaN(ns[row]) ? start : ns[row]),
  );
}

/** @returns when a GPU worked on each step, ascending: from the start of its first kernel to the end of its last. */
export function stepWindows(
  gpu: RawGpu,
  collector: FileCollector,
  launches: KernelLaunches,
  shiftNs: number,
): StepWindow[] {
  if (collector.steps.size < 2) return [];
  const [starts, ends] = [gpu.kernels.column('startNs'), gpu.kernels.column('endNs')];
  const windows = new Map<number, { step: number; startNs: number; endNs: number }>();
  stepsOf(gpu, collector, launches).forEach((step, row) => {
    if (step < 0) return;
    const [startNs, endNs] = [starts[row] + shiftNs, ends[row] + shiftNs];
    const window = windows.get(step);
    if (window === undefined) windows.set(step, { step, startNs, endNs });
    else {
      window.startNs = Math.min(window.startNs, startNs);
      window.endNs = Math.max(window.endNs, endNs);
    }
  });
  return [...windows.values()].sort((a, b) => a.startNs - b.startNs);
}

/** @returns what a GPU did in one step alone. */
export function onlyStep(gpu: RawGpu, collector: FileCollector, launches: KernelLaunches, step: number): RawGpu {
  const kept = new RawGpu();
  const columns = RAW_KERNEL_COLUMNS.map((column) => gpu.kernels.column(column));
  const window = { startNs: Number.POSITIVE_INFINITY, endNs: Number.NEGATIVE_INFINITY };
  for (const id of gpu.streams) kept.stream(id);
  stepsOf(gpu, collector, launches).forEach((of, row) => {
    if (of !== step) return;
    const [sent, group] = [gpu.sentBytes.get(row), gpu.groups.get(row)];
    if (sent !== undefined) kept.sentBytes.set(kept.kernels.count, sent);
    if (group !== undefined) kept.groups.set(kept.kernels.count, group);
    kept.kernels.push(...columns.map((values) => values[row]));
    window.startNs = Math.min(window.startNs, columns[0][row]);
    window.endNs = Math.max(window.endNs, columns[1][row]);
  });
  for (const [name, blocks] of gpu.blocks) kept.blocks.set(name, blocks);
  kept.ranges.push(...gpu.ranges);
  kept.transfers.push(...gpu.transfers.filter(({ startNs }) => startNs >= window.startNs && startNs <= window.endNs));
  return kept;
}

/** @throws BadInputError for a step that no file has. */
export function noSuchStep(step: number, collectors: readonly FileCollector[]): BadInputError {
  const known = [...new Set(collectors.flatMap(({ steps }) => [...steps.keys()]))].sort((a, b) => a - b);
  const others = known.length === 0 ? 'the traces have no ProfilerStep' : `the traces have ${known.join(', ')}`;
  return new BadInputError('--step', `--step is ${step}, in which no kernel was launched; ${others}`);
}
