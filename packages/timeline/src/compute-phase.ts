import { InvariantError } from '@epemu/core';
import { disturbedWork, remainingNs } from './sharing.js';
import type { Disturbance } from './sharing.js';

const UNDISTURBED: Disturbance = { awakeNs: (ns) => ns };

/** A kernel of a compute phase before it is timed. */
export interface PhaseKernelTiming {
  readonly stream: number;
  /** Duration alone on the phase's SMs, integer ns. */
  readonly soloNs: number;
  /** The same with a transfer beside it all the time; @default soloNs */
  readonly besideNs?: number;
  /**
   * Index of the kernel whose end this one waits for, beside the one before it on its own stream: where a second stream
   * forks off, or joins this one again.
   */
  readonly after?: number | undefined;
  /** Before this it cannot start, for its launch has not come through; @default 0 */
  readonly launchedNs?: number;
}

/** When a kernel ran, integer ns. */
export interface KernelInterval {
  startNs: number;
  endNs: number;
}

/** @returns when work that begins at `beginNs` is done, with transfers resident in `resident`. */
function endOf(
  work: { readonly soloNs: number; readonly besideNs: number },
  beginNs: number,
  resident: readonly KernelInterval[],
): number {
  let [nowNs, aloneNs, togetherNs] = [beginNs, 0, 0];
  for (const { startNs, endNs } of resident) {
    if (endNs <= nowNs) continue;
    if (startNs > nowNs) {
      const doneNs = nowNs + remainingNs(work, aloneNs, togetherNs, false);
      if (doneNs <= startNs) return doneNs;
      aloneNs += startNs - nowNs;
      nowNs = startNs;
    }
    const doneNs = nowNs + remainingNs(work, aloneNs, togetherNs, true);
    if (doneNs <= endNs) return doneNs;
    togetherNs += endNs - nowNs;
    nowNs = endNs;
  }
  return nowNs + remainingNs(work, aloneNs, togetherNs, false);
}

/**
 * Times the kernels of a compute phase. A stream's kernels follow each other after a gap, once launched. Two compute kernels
 * at once share the SMs: a kernel that becomes ready while one of the other stream holds them gets its own work done
 * as the other's thread blocks retire, so it ends one solo time after the other has, and the pair takes the sum of the
 * solo times. (The published training trace shows the same in mlp(W): 363 ‖ 624 µs for solo times of 319 each.)
 *
 * @param startNs when the phase's first kernel starts.
 * @param gapNs gap between a kernel and what waits for it.
 * @param resident when transfers are beside it, ascending and apart.
 * @param disturbance what makes kernels start late or take longer.
 * @returns an interval per kernel, in the order given.
 */
export function timeComputePhase(
  kernels: readonly PhaseKernelTiming[],
  startNs: number,
  gapNs: number,
  resident: readonly KernelInterval[] = [],
  disturbance: Disturbance = UNDISTURBED,
): KernelInterval[] {
  const intervals: (KernelInterval | undefined)[] = kernels.map(() => undefined);
  const streams = [...new Set(kernels.map((kernel) => kernel.stream))];
  const queues = streams.map((stream) => kernels.map((_, i) => i).filter((i) => kernels[i].stream === stream));
  const freeNs = streams.map((_, s) => (s === 0 ? startNs - gapNs : Number.NEGATIVE_INFINITY));
  for (let timed = 0; timed < kernels.length; timed++) {
    let chosen = -1;
    let chosenReady = 0;
    queues.forEach((queue, s) => {
      const index = queue[0];
      if (index === undefined) return;
      const { after } = kernels[index];
      const gate = after === undefined ? startNs - gapNs : intervals[after]?.endNs;
      if (gate === undefined) return;
      const couldNs = Math.max(Math.max(freeNs[s], gate) + gapNs, kernels[index].launchedNs ?? 0);
      const ready = disturbance.awakeNs(couldNs);
      const better = chosen < 0 || ready < chosenReady || (ready === chosenReady && index < queues[chosen][0]);
      if (better) [chosen, chosenReady] = [s, ready];
    });
    if (chosen < 0) throw new InvariantError('a kernel waits for one that its own stream launches later');
    const index = queues[chosen].shift()!;
    let begin = chosenReady;
    streams.forEach((_, s) => {
      if (s !== chosen && freeNs[s] > begin) begin = freeNs[s]!;
    });
    const { soloNs, besideNs = soloNs } = kernels[index];
    const work = disturbedWork({ soloNs, besideNs }, disturbance, chosenReady);
    intervals[index] = { startNs: chosenReady, endNs: endOf(work, begin, resident) };
    freeNs[chosen] = intervals[index].endNs;
  }
  return intervals.map((interval) => interval!);
}
