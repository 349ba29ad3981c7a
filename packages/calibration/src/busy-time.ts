import type { TracedKernel } from './traced-kernel.js';

/**
 * What each kernel took of its GPU's time. Where several run at once, every instant counts in equal parts to those that
 * run in it, so that the shares add up to the time in which any of them ran.
 *
 * @param indices kernels that share SMs: all but those of the communication streams.
 * @returns µs by index.
 */
export function busyTimes(kernels: readonly TracedKernel[], indices: readonly number[]): Map<number, number> {
  const busy = new Map<number, number>();
  const byGpu = new Map<number | string, number[]>();
  for (const index of indices) {
    busy.set(index, 0);
    const { pid } = kernels[index];
    const list = byGpu.get(pid);
    if (list === undefined) byGpu.set(pid, [index]);
    else list.push(index);
  }
  for (const list of byGpu.values()) sweep(kernels, list, busy);
  return busy;
}

function sweep(kernels: readonly TracedKernel[], indices: number[], busy: Map<number, number>): void {
  // Epoch µs leave few digits for fractions; a GPU's own origin leaves all.
  const origin = indices.reduce((first, index) => Math.min(first, kernels[index].startUs), Infinity);
  const startOf = (index: number): number => kernels[index].startUs - origin;
  const endOf = (index: number): number => startOf(index) + kernels[index].durationUs;
  indices.sort((a, b) => startOf(a) - startOf(b));
  let running: number[] = [];
  let now = 0;
  const advance = (to: number): void => {
    while (running.length > 0) {
      const first = running.reduce((earliest, index) => Math.min(earliest, endOf(index)), Infinity);
      const until = Math.min(to, first);
      for (const index of running) busy.set(index, busy.get(index)! + (until - now) / running.length);
      now = Math.max(now, until);
      running = running.filter((index) => endOf(index) > until);
      if (first >= to) break;
    }
    now = Math.max(now, to);
  };
  for (const index of indices) {
    advance(startOf(index));
    running.push(index);
  }
  advance(indices.reduce((last, index) => Math.max(last, endOf(index)), 0));
}
