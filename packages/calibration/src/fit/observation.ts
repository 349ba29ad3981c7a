import type { KernelShape } from '@epemu/kernels';

/** A kernel's work and the time it took. */
export interface Observation {
  readonly shape: KernelShape;
  readonly sms: number;
  /** > 0. */
  readonly ns: number;
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** @returns a value to four significant digits, as presets have them. */
export function significant(value: number): number {
  return Number(value.toPrecision(4));
}

/** Least work that a floor leaves of the kernels' time: a floor that is all of it gives no rate. */
const LEAST_WORK_SHARE = 0.05;

/** @returns a floor that leaves some of every total to the work, integer ns. */
export function floorBelow(floorNs: number, totalNs: number, count: number): number {
  return Math.round(Math.max(0, Math.min(floorNs, ((1 - LEAST_WORK_SHARE) * totalNs) / count)));
}
