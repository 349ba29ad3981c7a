/** How large a merged trace may become where nothing else is said: what trace viewers still open with ease. */
export const DEFAULT_MAXIMUM_BYTES = 95_000_000;

/** What {@link planThinning} must know: sizes are upper bounds of an event's text, counts are of the whole run. */
interface ThinningInput {
  readonly maximumBytes: number;
  readonly ranks: number;
  /** The file's head and tail. */
  readonly fixedBytes: number;
  /** What a rank has that is never thinned: names, phases, background transfers. */
  readonly rankBytes: number;
  readonly kernelBytes: number;
  /** Kernels of a rank that must stay because flows end at them. */
  readonly heldKernels: number;
  readonly expectedKernels: number;
  /** Both ends. */
  readonly flowBytes: number;
  readonly expectedFlows: number;
}

/** What goes into a merged trace. */
export interface ThinningPlan {
  /** Ranks from 0 up that are in the file; fewer than all only where their phases alone would fill it. */
  readonly ranks: number;
  /** How many kernels each rank but the first may have, the longest of them. */
  readonly kernelsPerRank: number;
  /** The same for rank 0, which has all of its kernels unless they would take half of the room. */
  readonly kernelsOfRankZero: number;
  /** A flow is drawn when its hash is below this; 2^32 draws all. */
  readonly flowThreshold: number;
}

const ALL_FLOWS = 0x100000000;
/** Estimates are upper bounds per event, but counts vary a little between ranks. */
const MARGIN = 0.97;
/** Shares of the room left by what comes before: phases leave a tenth, kernels a fifth. */
const PHASE_SHARE = 0.9;
const KERNEL_SHARE = 0.8;

/** Decides, before the first event, what a merged trace leaves out: a function of the input alone. */
export function planThinning(input: ThinningInput): ThinningPlan {
  const room = Math.max(0, input.maximumBytes * MARGIN - input.fixedBytes);
  const least = input.rankBytes + input.heldKernels * input.kernelBytes;
  const ranks = Math.max(1, Math.min(input.ranks, Math.floor((room * PHASE_SHARE) / least)));
  const share = ranks / input.ranks;
  const afterPhases = Math.max(0, room - ranks * input.rankBytes);
  const perRank = input.expectedKernels / input.ranks;
  let kernelBytes = input.expectedKernels * share * input.kernelBytes;
  let kernelsPerRank = Number.POSITIVE_INFINITY;
  let kernelsOfRankZero = Number.POSITIVE_INFINITY;
  if (kernelBytes > afterPhases * KERNEL_SHARE) {
    const budget = Math.floor((afterPhases * KERNEL_SHARE) / input.kernelBytes);
    if (ranks > 1 && perRank <= budget / 2) kernelsPerRank = Math.floor((budget - perRank) / (ranks - 1));
    else kernelsOfRankZero = kernelsPerRank = Math.floor(budget / ranks);
    kernelBytes = Math.max(budget, ranks * input.heldKernels) * input.kernelBytes;
  }
  const flowRoom = Math.max(0, afterPhases - kernelBytes);
  const fraction = Math.min(1, flowRoom / Math.max(1, input.expectedFlows * share * share * input.flowBytes));
  return { ranks, kernelsPerRank, kernelsOfRankZero, flowThreshold: Math.floor(fraction * ALL_FLOWS) };
}

/**
 * Picks a rank's longest kernels.
 *
 * @param durations of the rank's kernels, ns.
 * @param kept kernels that stay whatever their length: flows end at them.
 * @param limit how many may stay.
 * @returns which stay, and the length of the longest that does not, ns.
 */
export function longestKernels(
  durations: Float64Array,
  kept: (row: number) => boolean,
  limit: number,
): { keep: Uint8Array; droppedUpToNs: number } {
  const keep = new Uint8Array(durations.length).fill(1);
  if (durations.length <= limit) return { keep, droppedUpToNs: 0 };
  const candidates: number[] = [];
  for (let row = 0; row < durations.length; row++) if (!kept(row)) candidates.push(row);
  const room = Math.max(0, limit - (durations.length - candidates.length));
  candidates.sort((a, b) => durations[b] - durations[a] || a - b);
  const dropped = candidates.slice(room);
  for (const row of dropped) keep[row] = 0;
  return { keep, droppedUpToNs: dropped.length === 0 ? 0 : durations[dropped[0]] };
}
