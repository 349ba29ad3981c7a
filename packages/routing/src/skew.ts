import { hash32, power, unitInterval } from '@epemu/core';

/** How loads fall from the hottest expert to the coldest. */
export const SKEW_LAWS = ['zipf', 'power'] as const;

/** How unequal the loads of `skewed` routing are, and where they are. */
export interface Skew {
  /**
   * `zipf`: the load of the r-th hottest expert is r^−exponent. `power`: loads are spread as a power law whose density falls
   * with that exponent, between 1 and `range`.
   */
  readonly law: (typeof SKEW_LAWS)[number];
  readonly exponent: number;
  /** Of `power`: the largest load over the least. */
  readonly range: number;
  /** A layer whose loads fall with `hotExponent` instead; null: none does. */
  readonly hotLayer: number | null;
  readonly hotExponent: number;
  /** Chance of an expert to get another place in the order of heat from one step to the next. */
  readonly drift: number;
}

/** Keeps the hashes of heat apart from other users of the same (seed, layer, expert). */
const HEAT_TAG = 0x68656174;
const DRIFT_TAG = 0x64726966;

/**
 * Relative loads of a layer's experts in a step. Which experts are hot is drawn by seed and layer and stays over steps,
 * except for those that drift away.
 */
export function skewedLoads(skew: Skew, at: { seed: number; layer: number; step: number }, experts: number): number[] {
  const heat = Array.from({ length: experts }, (_, expert) => {
    const since = placedSince(skew.drift, at, expert);
    return { expert, key: hash32(HEAT_TAG, at.seed, at.layer, expert, since) };
  });
  heat.sort((a, b) => a.key - b.key || a.expert - b.expert);
  const exponent = at.layer === skew.hotLayer ? skew.hotExponent : skew.exponent;
  const loads = new Array<number>(experts);
  heat.forEach(({ expert }, place) => {
    loads[expert] = skew.law === 'zipf' ? power(place + 1, -exponent) : powerLaw(place, experts, exponent, skew.range);
  });
  return loads;
}

/** The step in which an expert came to its place in the order of heat. */
function placedSince(
  drift: number,
  { seed, layer, step }: { seed: number; layer: number; step: number },
  expert: number,
): number {
  if (drift === 0) return 0;
  let since = step;
  while (since > 0 && unitInterval(hash32(DRIFT_TAG, seed, layer, expert, since)) >= drift) since--;
  return since;
}

/** The quantile of the bounded power law in the middle of a place's share, the first place the largest. */
function powerLaw(place: number, experts: number, exponent: number, range: number): number {
  const share = 1 - (place + 0.5) / experts;
  const rest = 1 - exponent;
  // The quantile function has a limit of its own where the exponent is 1, and loses its digits close to it.
  if (rest < 1e-6 && rest > -1e-6) return power(range, share);
  return power(1 + share * (power(range, rest) - 1), 1 / rest);
}
