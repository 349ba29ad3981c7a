const STEP = /^ProfilerStep#(\d+)/;

/** @returns the number of a profiler's step; undefined of other annotations. */
export function stepNumber(name: string): number | undefined {
  const digits = STEP.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
