/**
 * The arithmetic of computation that shares the GPU, used by the live ranks and by replay: how far work has come. When
 * transfers are beside it, each of the two finds out by code of its own.
 */
export interface SharedWork {
  /** What it takes alone, integer ns. */
  readonly soloNs: number;
  /** What it takes with a transfer beside it all the time, integer ns, at least `soloNs`. */
  readonly besideNs: number;
}

/**
 * @param aloneNs for how long it has run alone, integer ns.
 * @param togetherNs for how long it has run beside a transfer, integer ns.
 * @param beside whether a transfer is beside it from now on.
 * @returns for how long it will go on if that stays so, integer ns. It follows from the sums alone, so that how often
 *   one looked in between changes nothing.
 */
export function remainingNs(
  { soloNs, besideNs }: SharedWork,
  aloneNs: number,
  togetherNs: number,
  beside: boolean,
): number {
  const left = soloNs * besideNs - aloneNs * besideNs - togetherNs * soloNs;
  return Math.max(0, Math.ceil(left / (beside ? soloNs : besideNs)));
}

/** @returns the share of the memory bandwidth that kernels use of their time, in millionths: integers have sums in any order. */
export function loadOf(memoryNs: number, soloNs: number): number {
  return soloNs > 0 ? Math.min(1_000_000, Math.round((memoryNs / soloNs) * 1_000_000)) : 0;
}

/** What makes kernels of a rank start late, or take longer, by when that is. */
export interface Disturbance {
  /** @returns when a kernel starts that could at a moment, integer ns. */
  awakeNs(ns: number): number;
  /** @returns how many times as long a kernel takes that starts then; absent: nothing changes. */
  readonly slowness?: ((startNs: number) => number) | undefined;
}

/** @returns what is to be done of a kernel that starts then. */
export function disturbedWork<T extends { readonly soloNs: number; readonly besideNs: number }>(
  work: T,
  { slowness }: Pick<Disturbance, 'slowness'>,
  startNs: number,
): T {
  const factor = slowness?.(startNs) ?? 1;
  if (factor === 1) return work;
  return { ...work, soloNs: Math.round(work.soloNs * factor), besideNs: Math.round(work.besideNs * factor) };
}
