import { BadInputError } from '@epemu/core';
import { KernelCalls } from '@epemu/kernels';
import type { KernelBound, KernelCall } from '@epemu/kernels';
import { loadHardware } from '@epemu/presets';
import { timedKinds } from './kernel-kinds.js';
import type { KernelSize, KernelSizes } from './kernel-kinds.js';

export { timedKinds } from './kernel-kinds.js';
export type { KernelSize, KernelSizes, TimedKind } from './kernel-kinds.js';

/** A kernel alone on a GPU. */
export interface KernelResult {
  readonly kind: string;
  readonly hardware: string;
  /** The sizes it was timed with, defaults included. */
  readonly sizes: Partial<KernelSizes>;
  /** From kernel to kernel of a captured graph; of modules that are launched eagerly, as a framework does it. */
  readonly us: number;
  readonly bound: KernelBound;
  /** The least time that the data sheet allows, of the time, in %. */
  readonly rooflinePct: number;
  /** The kernels that it consists of, each alone. */
  readonly parts: readonly { readonly kind: string; readonly us: number; readonly bound: KernelBound }[];
}

/** Flags of sizes. */
export const SIZE_FLAGS: Readonly<Record<KernelSize, string>> = {
  ...{ m: '--m', n: '--n', k: '--k', rowsPerExpert: '--rows-per-expert' },
  ...{ heads: '--heads', batch: '--batch', length: '--length', bytes: '--bytes' },
};

const NONE: KernelSizes = { m: 0, n: 0, k: 0, rowsPerExpert: [], heads: 0, batch: 0, length: 0, bytes: 0 };

/** What a call is mostly: its kernels' bound that takes the most of its time, or `launch` where that is what it waits for. */
function boundOf({ kernels, ns }: KernelCall): KernelBound {
  const byBound = new Map<KernelBound, number>();
  let busyNs = 0;
  for (const kernel of kernels) {
    byBound.set(kernel.bound, (byBound.get(kernel.bound) ?? 0) + kernel.ns);
    busyNs += kernel.ns;
  }
  byBound.set('launch', (byBound.get('launch') ?? 0) + Math.max(0, ns - busyNs));
  return [...byBound].reduce((most, each) => (each[1] > most[1] ? each : most))[0];
}

/**
 * Times a kernel alone, or a call of several, by the laws that a run's kernels have.
 *
 * @param given its sizes; those that are missing have the kind's defaults.
 * @throws BadInputError where there is no such kind, the hardware lacks it, or a size is not one of the kind's.
 */
export function timeKernel(kind: string, given: Partial<KernelSizes>, hardwareName = 'h800'): KernelResult {
  const kinds = timedKinds();
  if (!Object.hasOwn(kinds, kind)) {
    const known = Object.keys(kinds).slice(0, 8).join(', ');
    throw new BadInputError('kind', `there is no kernel ${kind}; choose one of ${known} and what --list has besides`);
  }
  const timed = kinds[kind];
  const { defaults } = timed;
  const flags = Object.keys(defaults).map((size) => SIZE_FLAGS[size as KernelSize]);
  for (const size of Object.keys(given) as KernelSize[]) {
    if (given[size] === undefined || size in defaults) continue;
    const flag = SIZE_FLAGS[size];
    throw new BadInputError(flag, `${flag} is no size of ${kind}; it has ${flags.join(', ')}`);
  }
  const own = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const sizes: Partial<KernelSizes> = { ...defaults, ...own };
  const hardware = loadHardware(hardwareName);
  const called = timed.call(new KernelCalls(hardware), { ...NONE, ...sizes });
  const rooflineNs = called.kernels.reduce((sum, each) => sum + each.rooflineNs, 0);
  return {
    ...{ kind, hardware: hardware.name, sizes },
    us: called.ns / 1000,
    bound: boundOf(called),
    rooflinePct: Math.round((1000 * rooflineNs) / called.ns) / 10,
    parts: called.kernels.map(({ kind: of, ns, bound }) => ({ kind: of, us: ns / 1000, bound })),
  };
}
