import * as z from 'zod';

/** @returns a number within bounds, both allowed; whatever else stands there is told them. */
export function numberFrom(least: number, most: number): z.ZodNumber {
  const remedy = `give a number from ${least} to ${most}`;
  return z.number(remedy).min(least, remedy).max(most, remedy);
}

/** @returns a whole number within bounds, both allowed; whatever else stands there is told them. */
export function wholeFrom(least: number, most: number): z.ZodInt {
  const remedy = `give a whole number from ${least} to ${most}`;
  return z.int(remedy).min(least, remedy).max(most, remedy);
}

/** Bounds are far outside what hardware does, and such that times stay finite whatever is combined within them. */
const MOST = 1e9;
export const RATE = numberFrom(1e-6, MOST);
export const TIME_NS = numberFrom(0, MOST);
export const WHOLE_NS = wholeFrom(0, MOST);
export const COUNT = wholeFrom(1, MOST);
export const COUNT_OR_NONE = wholeFrom(0, MOST);
const SHARE_REMEDY = 'give a share of at least 0.000001 and at most 1';
export const SHARE = z.number(SHARE_REMEDY).min(1e-6, SHARE_REMEDY).max(1, SHARE_REMEDY);
