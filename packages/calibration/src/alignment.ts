import { isLibraryProduct } from '@epemu/trace';
import type { KernelNames } from '@epemu/trace';
import type { ListedKernel } from './listed-kernels.js';
import type { TracedKernel } from './traced-kernel.js';

/** Kernels of a trace beside the kernels of a list that they are. */
export interface Alignment {
  /** Index of the traced kernel among those aligned, and the list's kernel. */
  readonly pairs: readonly (readonly [number, ListedKernel])[];
  /** The greater, the more of the list was found. */
  readonly score: number;
}

/** A product of a closed library may have other tiles than the list's, so it counts for less than one by name. */
const OTHER_PRODUCT = 0.9;
/** Tells kernels of one name apart where the trace has more or fewer of them than the list. */
const SAME_BLOCK = 0.25;

function likeness(traced: TracedKernel, listed: ListedKernel, names: KernelNames): number {
  const name = names.of(traced.name);
  let score = 0;
  if (names.isNamed(name, listed.name)) score = 1;
  else if (isLibraryProduct(name) && isLibraryProduct(listed.name)) score = OTHER_PRODUCT;
  if (score === 0) return 0;
  const { block } = listed.kernel;
  return score + (traced.block?.every((size, i) => size === block[i]) === true ? SAME_BLOCK : 0);
}

/**
 * Finds the kernels of a list in those of a trace: the longest common subsequence, by name, and by block where names
 * leave a choice. Both are in launch order.
 */
export function align(traced: readonly TracedKernel[], list: readonly ListedKernel[], names: KernelNames): Alignment {
  const width = list.length + 1;
  /** Best score of the kernels from i and j on. */
  const best = new Float64Array((traced.length + 1) * width);
  for (let i = traced.length - 1; i >= 0; i--) {
    for (let j = list.length - 1; j >= 0; j--) {
      const same = likeness(traced[i], list[j], names);
      const skipped = Math.max(best[(i + 1) * width + j], best[i * width + j + 1]);
      const taken = same > 0 ? same + best[(i + 1) * width + j + 1] : 0;
      best[i * width + j] = Math.max(skipped, taken);
    }
  }
  const pairs: [number, ListedKernel][] = [];
  for (let i = 0, j = 0; i < traced.length && j < list.length;) {
    const same = likeness(traced[i], list[j], names);
    if (same > 0 && best[i * width + j] === same + best[(i + 1) * width + j + 1]) pairs.push([i++, list[j++]]);
    else if (best[(i + 1) * width + j] >= best[i * width + j + 1]) i++;
    else j++;
  }
  return { pairs, score: best[0] };
}
