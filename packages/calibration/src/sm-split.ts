import { gridProduct } from './traced-kernel.js';
import type { TracedKernel } from './traced-kernel.js';
import type { Collective } from './collectives.js';
import type { ListedKernel } from './listed-kernels.js';
import { mostFrequent } from './work-sizes.js';

/** How a trace's run divides the GPU's SMs. */
export interface SmSplit {
  readonly gpuSms: number;
  readonly communicationSms: number;
  /** What the collectives leave. */
  readonly computeSms: number;
}

/** Launch dimensions that a kernel takes from the SMs it may use: it is persistent, a block stays on each. */
const FOLLOWS_SMS = /\bsms\b/;

/** @returns the split by the most frequent grid of the transfer kernels that hold SMs; none without them. */
export function smSplit(
  gpuSms: number,
  kernels: readonly TracedKernel[],
  collectives: ReadonlyMap<number, Collective>,
): SmSplit {
  const grids: number[] = [];
  for (const [index, { holdsSms }] of collectives) {
    const blocks = gridProduct(kernels[index]);
    if (holdsSms && blocks !== undefined && blocks < gpuSms) grids.push(blocks);
  }
  const communicationSms = mostFrequent(grids) ?? 0;
  return { gpuSms, communicationSms, computeSms: gpuSms - communicationSms };
}

/**
 * @returns SMs that a kernel had: its blocks where it is persistent, else what the collectives leave. A collective's own
 * kernels, of a few blocks, are short of none.
 */
export function smsOf(traced: TracedKernel, { entry, kernel }: ListedKernel, split: SmSplit): number {
  if (kernel.class === 'communication') return split.gpuSms;
  const blocks = gridProduct(traced);
  const persistent = entry.grid.some((source) => FOLLOWS_SMS.test(String(source)));
  return persistent && blocks !== undefined && blocks <= split.gpuSms ? blocks : split.computeSms;
}
