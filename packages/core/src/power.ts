import { exponential } from './normal.js';

/** ln 2, rounded to the nearest double. */
const LN2 = 0.6931471805599453;
/** Terms of the series: its argument is at most 1/3, so that the last one is below 1e-17. */
const TERMS = 18;

/**
 * ln(x) by halving or doubling x into [2/3, 4/3], which is exact, and the series of the inverse hyperbolic tangent: from
 * + − × ÷ alone, so that every engine gives the same bits. Relative error below 1e-15 away from x = 1.
 *
 * @param x positive and finite.
 */
export function logarithm(x: number): number {
  let reduced = x;
  let doublings = 0;
  for (; reduced > 4 / 3; doublings++) reduced /= 2;
  for (; reduced < 2 / 3; doublings--) reduced *= 2;
  const ratio = (reduced - 1) / (reduced + 1);
  const square = ratio * ratio;
  let sum = 0;
  for (let n = TERMS; n >= 0; n--) sum = sum * square + 1 / (2 * n + 1);
  return 2 * ratio * sum + doublings * LN2;
}

/**
 * base^exponent with the same bits on every engine, see {@link exponential} for its error.
 *
 * @param base positive and finite.
 */
export function power(base: number, exponent: number): number {
  return exponential(exponent * logarithm(base));
}
