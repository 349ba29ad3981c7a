import { mean, microseconds, ratio, rounded } from '@epemu/core';
import type { Collective } from './collectives.js';
import { median } from './median.js';

/** How far ranks were apart when they came to a collective. */
export interface CollectiveSkew {
  /** Place among all collectives. */
  readonly index: number;
  readonly phase: string;
  /** Null where the trace does not say. */
  readonly layer: number | null;
  /** When the first rank came. */
  readonly startUs: number;
  readonly firstRank: number;
  /** Null where all came at once. */
  readonly lastRank: number | null;
  /** From the first rank's arrival to the last one's. */
  readonly skewUs: number;
  /** How long after the last but one the last came. */
  readonly lateUs: number;
  /** From a rank's own arrival to the end of its synchronisation, mean over ranks. */
  readonly meanWaitUs: number;
}

/** How a rank keeps the others waiting. */
export interface RankLateness {
  readonly rank: number;
  /** Collectives at which it came last. */
  readonly timesLast: number;
  /** Of all collectives. */
  readonly timesLastPct: number;
  /** After the median rank, mean over collectives; negative for one that comes early. */
  readonly meanLateUs: number;
  readonly computeUs: number;
  /** More compute than the median rank has. */
  readonly computeOverMedianPct: number;
  /** Whether it holds everyone up: last at more collectives than chance gives a rank, or far later than all others. */
  readonly straggler: boolean;
}

/**
 * Somebody is last at every collective. A rank is named for being so often where ranks that take turns by chance would
 * show one like it in one of a thousand runs.
 */
const CHANCE = 1e-3;
/** Who was late once is late at the next, too: beside being often last it must be that much later than most are. */
const OFTEN_DEVIATIONS = 4;
/** Median absolute deviations of the ranks' mean lateness that an outlier is above the median. */
const OUTLIER_DEVIATIONS = 8;
/** Fewer ranks than this have no median worth the name. */
const LEAST_RANKS = 3;

/** @returns the skew at every collective, in their order. */
export function collectiveSkews(collectives: readonly Collective[]): CollectiveSkew[] {
  return collectives.map(({ parts }, index) => {
    // Ranks that came at once: the lower one first.
    const byArrival = [...parts].sort((a, b) => a.arrivedNs - b.arrivedNs || a.rank - b.rank);
    const [first, last] = [byArrival[0], byArrival[byArrival.length - 1]];
    const lastButOne = byArrival[Math.max(0, byArrival.length - 2)];
    return {
      index,
      phase: parts[0].phase,
      layer: parts[0].layer ?? null,
      startUs: microseconds(first.arrivedNs),
      firstRank: first.rank,
      lastRank: last.arrivedNs > first.arrivedNs ? last.rank : null,
      skewUs: microseconds(last.arrivedNs - first.arrivedNs),
      lateUs: microseconds(last.arrivedNs - lastButOne.arrivedNs),
      meanWaitUs: microseconds(mean(parts.map(({ arrivedNs, syncEndNs }) => syncEndNs - arrivedNs))),
    };
  });
}

/** How much a rank computes, ns. */
export interface RankCompute {
  readonly rank: number;
  readonly computeNs: number;
}

/** @returns the chance that something that happens once in `1 / share` times happens `least` times or more of `times`. */
function chanceOf(least: number, times: number, share: number): number {
  if (least <= 0 || share >= 1) return 1;
  let chance = 0;
  // Logarithms: of thousands of collectives the factors are out of range.
  let term = times * Math.log(1 - share);
  for (let count = 0; count <= times; count++) {
    if (count >= least) chance += Math.exp(term);
    term += Math.log((times - count) / (count + 1)) + Math.log(share / (1 - share));
  }
  return chance;
}

/** @returns for every rank how often and by how much it came late, in the order given. */
export function rankLateness(collectives: readonly Collective[], ranks: readonly RankCompute[]): RankLateness[] {
  const skews = collectiveSkews(collectives);
  const late = new Map(ranks.map(({ rank }) => [rank, { sum: 0, last: 0, count: 0, share: 0 }]));
  collectives.forEach(({ parts }, index) => {
    const middle = median(parts.map(({ arrivedNs }) => arrivedNs));
    for (const { rank, arrivedNs } of parts) {
      const own = late.get(rank)!;
      own.sum += arrivedNs - middle;
      own.count++;
      own.share += 1 / parts.length;
    }
    const { lastRank } = skews[index];
    if (lastRank !== null) late.get(lastRank)!.last++;
  });
  const compute = ranks.map(({ computeNs }) => computeNs);
  const middleCompute = median(compute);
  const means = ranks.map(({ rank }) => ratio(late.get(rank)!.sum, late.get(rank)!.count));
  const middleLate = median(means);
  const deviation = median(means.map((value) => Math.abs(value - middleLate)));
  const [oftenNs, outlierNs] = [OFTEN_DEVIATIONS, OUTLIER_DEVIATIONS].map((by) => middleLate + by * deviation);
  return ranks.map(({ rank }, index) => {
    const { last, count, share } = late.get(rank)!;
    const isOften =
      last > share && means[index] > oftenNs && chanceOf(last, count, share / count) * ranks.length < CHANCE;
    const isFar = last > share && means[index] > outlierNs;
    return {
      rank,
      timesLast: last,
      timesLastPct: rounded(100 * ratio(last, count)),
      meanLateUs: microseconds(means[index]),
      computeUs: microseconds(compute[index]),
      computeOverMedianPct: rounded(100 * (ratio(compute[index], middleCompute) - 1)),
      straggler: ranks.length >= LEAST_RANKS && (isOften || isFar),
    };
  });
}
