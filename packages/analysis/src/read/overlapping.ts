import { counted } from '@epemu/core';
import type { RankView } from '@epemu/timeline';
import type { InputProblem } from '../model.js';

/**
 * With programmatic dependent launch (Hopper and later) a kernel begins while the one before it on its stream ends: by
 * some µs. Integer µs of two kernels in a row may overlap by what rounding adds as well.
 */
const DEPENDENT_LAUNCH_NS = 20_000;

/** A kernel that runs over those behind it on its stream. */
interface Culprit {
  readonly row: number;
  /** Those that begin while it runs. */
  count: number;
  /** By how much it runs over the first of them, ns. */
  readonly overNs: number;
}

/** @returns kernels that run over ones behind them on their stream, by more than any launch explains. */
function culpritsOf({ content: { kernels, streams } }: RankView): Culprit[] {
  const { startNs: starts, endNs: ends, stream: streamOf } = kernels;
  const reaching = new Int32Array(streams.length).fill(-1);
  const culprits = new Map<number, Culprit>();
  for (let row = 0; row < kernels.count; row++) {
    const stream = streamOf[row];
    const before = reaching[stream];
    const overNs = before < 0 ? 0 : ends[before] - starts[row];
    if (overNs > DEPENDENT_LAUNCH_NS) {
      const found = culprits.get(before);
      if (found === undefined) culprits.set(before, { row: before, count: 1, overNs });
      else found.count++;
    }
    if (before < 0 || ends[row] > ends[before]) reaching[stream] = row;
  }
  return [...culprits.values()];
}

/** So many times as long as all else no kernel lasts that only computes; of fewer kernels nothing is known. */
const LONGEST = 10;
const LEAST_KERNELS = 8;

/** @returns the row of a kernel that computes, and ends so long behind all others as no kernel of theirs lasts. */
function endlessOf(view: RankView): number | undefined {
  const { count, startNs, endNs } = view.content.kernels;
  if (count < LEAST_KERNELS) return undefined;
  let last = 0;
  for (let row = 1; row < count; row++) if (endNs[row] > endNs[last]) last = row;
  let othersEndNs = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < count; row++) if (row !== last) othersEndNs = Math.max(othersEndNs, endNs[row]);
  const othersNs = othersEndNs - startNs[last === 0 ? 1 : 0];
  // What communicates may wait for a rank that comes ever so late.
  const isEndless =
    view.class(last) === 'compute' && endNs[last] - Math.max(othersEndNs, startNs[last]) > LONGEST * othersNs;
  return isEndless ? last : undefined;
}

function micro(ns: number): string {
  return `${Number((ns / 1000).toFixed(1))} µs`;
}

/**
 * Finds kernels that last longer than their stream allows, which runs one after the other: intervals are merged, so that
 * busy times hold, but a duration is wrong, and figures rest on it.
 */
export function overlapProblems(ranks: readonly RankView[]): InputProblem[] {
  return ranks.flatMap((view) => {
    const culprits = culpritsOf(view);
    if (culprits.length === 0) return endlessProblems(view);
    const { rank, file, kernels, streams } = view.content;
    const worst = culprits.reduce((most, each) => (each.overNs > most.overNs ? each : most));
    const { row, count, overNs } = worst;
    const durationNs = kernels.endNs[row] - kernels.startNs[row];
    const place = `${view.identity(row).name} at ${micro(kernels.startNs[row])} on ${streams[kernels.stream[row]].name}`;
    const what = `${place} lasts ${micro(durationNs)}, ${micro(overNs)} beyond the start of the next ${count === 1 ? 'kernel' : counted(count, 'kernel')} of its stream`;
    const more = culprits.length === 1 ? '' : ` (the worst of ${culprits.length} such kernels)`;
    const message = `${file}: on rank ${rank} ${what}, which no stream does${more}: its duration is wrong by so much, or its stream is; span, busy times and overlap rest on it`;
    return [{ file, message, partial: false }];
  });
}

function endlessProblems(view: RankView): InputProblem[] {
  const row = endlessOf(view);
  if (row === undefined) return [];
  const { rank, file, kernels } = view.content;
  const durationNs = kernels.endNs[row] - kernels.startNs[row];
  const what = `${view.identity(row).name} at ${micro(kernels.startNs[row])} lasts ${micro(durationNs)}`;
  const message = `${file}: on rank ${rank} ${what}, more than ${LONGEST} times as long as all else of the trace: if its duration is wrong, so are span, busy times and overlap, which rest on it`;
  return [{ file, message, partial: false }];
}
