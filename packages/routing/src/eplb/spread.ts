/** An expert that a GPU holds more than once. */
export interface Duplicate {
  readonly gpu: number;
  readonly expert: number;
  readonly replicas: number;
}

/** @returns GPUs that hold an expert more than once, ascending. @param slots experts a GPU holds. */
export function duplicatesOf(physicalToLogical: Int32Array, slots: number): Duplicate[] {
  const found: Duplicate[] = [];
  for (let first = 0; first < physicalToLogical.length; first += slots) {
    const counts = new Map<number, number>();
    for (const expert of physicalToLogical.subarray(first, first + slots)) {
      counts.set(expert, (counts.get(expert) ?? 0) + 1);
    }
    for (const [expert, replicas] of counts) if (replicas > 1) found.push({ gpu: first / slots, expert, replicas });
  }
  return found;
}

/**
 * Swaps replicas of GPUs of a node until none holds an expert twice, as far as that can be: it can where no expert has more
 * replicas in the node than it has GPUs, for a GPU without the expert then either has one that the other lacks, or has
 * a pair of its own. Of the swaps that help, the one that leaves the lighter of the two heavier GPUs.
 *
 * @param physicalToLogical changed in place.
 * @param loadOf load of a replica of each expert.
 * @param nodeGpus GPUs of a node.
 */
export function spreadReplicas(
  physicalToLogical: Int32Array,
  loadOf: (expert: number) => number,
  slots: number,
  nodeGpus: number,
): void {
  const of = (gpu: number): Int32Array => physicalToLogical.subarray(gpu * slots, (gpu + 1) * slots);
  for (;;) {
    const swap = duplicatesOf(physicalToLogical, slots)
      .map(({ gpu, expert }) => bestSwap(of, gpu, expert, loadOf, nodeGpus))
      .find((found) => found !== undefined);
    if (swap === undefined) return;
    const { gpu, slot, other, otherSlot } = swap;
    const moved = of(gpu)[slot];
    of(gpu)[slot] = of(other)[otherSlot];
    of(other)[otherSlot] = moved;
  }
}

interface Swap {
  readonly gpu: number;
  readonly slot: number;
  readonly other: number;
  readonly otherSlot: number;
}

function bestSwap(
  of: (gpu: number) => Int32Array,
  gpu: number,
  expert: number,
  loadOf: (expert: number) => number,
  nodeGpus: number,
): Swap | undefined {
  const own = of(gpu);
  const slot = own.lastIndexOf(expert);
  const firstGpu = Math.floor(gpu / nodeGpus) * nodeGpus;
  const total = (experts: Int32Array): number => experts.reduce((sum, held) => sum + loadOf(held), 0);
  let best: Swap | undefined;
  let [bestKind, bestLoad] = [Infinity, Infinity];
  for (let other = firstGpu; other < firstGpu + nodeGpus; other++) {
    const theirs = of(other);
    if (other === gpu || theirs.includes(expert)) continue;
    const [ownLoad, theirLoad] = [total(own), total(theirs)];
    theirs.forEach((held, otherSlot) => {
      // One that this GPU lacks is better than one of a pair over there, which makes a pair here.
      const kind = !own.includes(held) ? 0 : theirs.indexOf(held) !== theirs.lastIndexOf(held) ? 1 : 2;
      const gain = loadOf(expert) - loadOf(held);
      const load = Math.max(ownLoad - gain, theirLoad + gain);
      if (kind === 2 || kind > bestKind || (kind === bestKind && load >= bestLoad)) return;
      best = { gpu, slot, other, otherSlot };
      [bestKind, bestLoad] = [kind, load];
    });
  }
  return best;
}
