/** One rank's launches of one low-latency kernel on one stream, in order. */
export interface LaunchSequence {
  readonly durationsNs: readonly number[];
  /** By launch: whether the other collective was launched on the stream between the launch before and this one. */
  readonly otherBefore: readonly boolean[];
  /** DeepEP launches halves on the stream that computes, and whole collectives on one of its own. */
  readonly besideCompute: boolean;
}

/** Which launches send: those at even places (0), or those at odd ones, for the capture began between halves (1). */
export type Parity = 0 | 1;

/** Fewer launches than this have two groups by chance. */
const LEAST_LAUNCHES = 4;
/** By how much medians of the two groups differ at least: more on a stream of its own, where whole ones are expected. */
const CLEAR_RATIO = { own: 1.5, besideCompute: 1.2 };

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}

interface Group {
  readonly medianNs: number;
  /** Median deviation from it. */
  readonly spreadNs: number;
}

function groupOf({ durationsNs }: LaunchSequence, parity: Parity): Group {
  const own = durationsNs.filter((_, place) => place % 2 === parity);
  const medianNs = median(own);
  return { medianNs, spreadNs: median(own.map((ns) => Math.abs(ns - medianNs))) };
}

/** @returns the parity by which the other collective comes between all pairs, and within none. */
function parityByOrder({ otherBefore }: LaunchSequence): Parity | undefined {
  const [odd, even] = [1, 0].map((rest) => otherBefore.filter((_, place) => place > 0 && place % 2 === rest));
  if (odd.length === 0 || even.length === 0) return undefined;
  if (even.every(Boolean) && !odd.some(Boolean)) return 0;
  return odd.every(Boolean) && !even.some(Boolean) ? 1 : undefined;
}

/** @returns whether launches are clearly of two kinds that alternate; undefined of too few. */
export function looksHalved(sequence: LaunchSequence): boolean | undefined {
  const { durationsNs, besideCompute } = sequence;
  if (durationsNs.length < LEAST_LAUNCHES) return undefined;
  // Whole collectives of two micro-batches come in this order too, but then to run beside what computes.
  if (besideCompute && parityByOrder(sequence) !== undefined) return true;
  const [a, b] = [groupOf(sequence, 0).medianNs, groupOf(sequence, 1).medianNs];
  const ratio = besideCompute ? CLEAR_RATIO.besideCompute : CLEAR_RATIO.own;
  return Math.max(a, b) > ratio * Math.min(a, b);
}

/**
 * @returns which launches of a sequence that is in halves send. Where both collectives of one micro-batch follow each
 * other, their order tells; else the first sends, but where it is clearly the longer one of the two and the one whose
 * time varies: sends wait for nobody.
 */
export function sendParity(sequence: LaunchSequence): Parity {
  const byOrder = parityByOrder(sequence);
  if (byOrder !== undefined) return byOrder;
  const [first, second] = [groupOf(sequence, 0), groupOf(sequence, 1)];
  const isLonger = first.medianNs > CLEAR_RATIO.own * second.medianNs;
  const varies = first.spreadNs > 2 * second.spreadNs && first.spreadNs > first.medianNs / 10;
  return isLonger && varies ? 1 : 0;
}
