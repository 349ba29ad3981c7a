import { align } from './alignment.js';
import type { Alignment } from './alignment.js';
import { attentionPairs } from './attention-pairs.js';
import type { AttentionOptions } from './attention-pairs.js';
import type { ListedKernel, ListedKernels } from './listed-kernels.js';
import type { NotPlacedKernels, PlacedKernel } from './placement.js';
import type { PhaseInstance } from './phase-instances.js';
import { smsOf } from './sm-split.js';
import { countedNs } from './traced-run.js';
import type { TracedRun } from './traced-run.js';
import { frequentSizes, paddedRowsOf, solveSizes } from './work-sizes.js';
import type { SolvedSizes } from './work-sizes.js';

/** A kernel of the trace, by index, beside the kernel of a list that it is. */
type Pair = readonly [number, ListedKernel];

/** A run of a phase whose kernels were found in a list. */
interface AlignedInstance {
  readonly phase: string;
  readonly pairs: readonly Pair[];
  readonly sizes: SolvedSizes;
}

/** A compute kernel of a collective's list: it has the SMs that compute leaves. */
export interface BesideCompute {
  readonly index: number;
  readonly kind: string;
  readonly bytes: number;
}

/** What placing by phase found. */
export interface PlacedByPhase {
  readonly placed: readonly PlacedKernel[];
  readonly beside: readonly BesideCompute[];
  /** Phase of each collective that lies in one, by kernel index. */
  readonly collectivePhases: ReadonlyMap<number, string>;
  /** Kernels that are dealt with: placed, refused, or part of a collective. */
  readonly done: ReadonlySet<number>;
  /** Sizes most frequent over all phases. */
  readonly sizes: SolvedSizes;
}

function alignInstance(run: TracedRun, instance: PhaseInstance, lists: ListedKernels): AlignedInstance | undefined {
  const traced = instance.kernels.map((index) => run.trace.kernels[index]);
  let best: Alignment = { pairs: [], score: 0 };
  for (const list of lists.candidates(instance.phase)) {
    const alignment = align(traced, list, run.names);
    if (alignment.score > best.score) best = alignment;
  }
  if (best.pairs.length === 0) return undefined;
  const sizes = solveSizes(best.pairs.map(([at, listed]) => [traced[at], listed]));
  return { phase: instance.phase, pairs: best.pairs.map(([at, listed]) => [instance.kernels[at], listed]), sizes };
}

/** Kernels that one entry repeats do the same work, so they share the time they took together. */
function evenedOut(
  pairs: readonly Pair[],
  ns: ReadonlyMap<number, number>,
): (index: number, listed: ListedKernel) => number {
  const groups = new Map<unknown, { ns: number; count: number }>();
  for (const [index, { entry }] of pairs) {
    const group = groups.get(entry) ?? { ns: 0, count: 0 };
    groups.set(entry, { ns: group.ns + (ns.get(index) ?? 0), count: group.count + 1 });
  }
  return (index, { entry }) => {
    const group = groups.get(entry);
    return entry.repeat === undefined || group === undefined ? (ns.get(index) ?? 0) : group.ns / group.count;
  };
}

/** Places the kernels of phases on the entries of their kernel lists, and solves their grids for the run's sizes. */
export function placeByPhase(
  run: TracedRun,
  instances: readonly PhaseInstance[],
  lists: ListedKernels,
  options: AttentionOptions,
  notPlaced: NotPlacedKernels,
): PlacedByPhase {
  const aligned = instances.flatMap((instance) => alignInstance(run, instance, lists) ?? []);
  const everywhere = frequentSizes(aligned.map(({ sizes }) => sizes));
  const collectivePhases = new Map<number, string>();
  for (const { phase, kernels } of instances) {
    for (const index of kernels) if (run.collectives.has(index)) collectivePhases.set(index, phase);
  }
  const placed: PlacedKernel[] = [];
  const beside: BesideCompute[] = [];
  const done = new Set<number>();
  const localExperts = lists.sizes['localExperts'];
  for (const { phase, pairs, sizes } of aligned) {
    const tokens = sizes.tokens ?? everywhere.tokens ?? NaN;
    const paddedRows = paddedRowsOf(sizes, localExperts) ?? NaN;
    const known = { ...lists.sizes, ...sizes, tokens, paddedRows, rowsOfExpert: paddedRows / localExperts };
    const nsOf = evenedOut(pairs, run.ns);
    for (const [index, listed] of pairs) {
      const { kernel, entry, inCollective } = listed;
      done.add(index);
      if (entry.role !== undefined) continue;
      const traced = run.trace.kernels[index];
      const shape = kernel.shape({ ...known, pairs: attentionPairs(tokens, kernel.kind, options) });
      const ns = run.collectives.has(index) ? countedNs(traced.durationUs) : nsOf(index, listed);
      if (!Object.values(shape).every((value: number) => Number.isFinite(value))) {
        const reason = kernel.kind === 'attention-decode' && !Number.isNaN(tokens) ? 'KV length unknown' : 'no shape';
        notPlaced.add(traced.name, reason, ns / 1000);
      } else if (inCollective && kernel.class === 'compute') {
        beside.push({ index, kind: kernel.kind, bytes: shape.bytes });
      } else {
        const [sms, together] = [smsOf(traced, listed, run.split), run.together.get(index) ?? 0];
        placed.push({ name: traced.name, kind: kernel.kind, shape, sms, ns, together, phase });
      }
    }
  }
  return { placed, beside, collectivePhases, done, sizes: everywhere };
}
