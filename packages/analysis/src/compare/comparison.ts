import type { CollectiveRole, KernelClass } from '@epemu/timeline';
import type { ConfigurationDifference } from './configurations.js';
import type { Basis, LayerParts } from './decomposition.js';
import type { FigureComparison } from './figures.js';
import type { MemoryComparison } from './memory.js';
import type { ComparedSide, SidePhase } from './side.js';

/** What is said of a side at the top. */
export type SideHeadline = Omit<
  ComparedSide,
  'marker' | 'timeline' | 'steady' | 'plain' | 'exact' | 'memory' | 'throughput' | 'configuration'
>;

/** Time of one layer, of A and B; null where a side has none, which counts as 0. */
export interface Difference {
  readonly aUs: number | null;
  readonly bUs: number | null;
  /** B − A. */
  readonly differenceUs: number;
}

/** One side of a phase. */
export interface PhaseSide {
  /** Instances in a layer. */
  readonly count: number;
  /** Mean wall time of one. */
  readonly meanUs: number;
  /** Wall time in a layer. */
  readonly layerUs: number;
  /** What it adds to the layer's time: computation, and communication with no compute running. */
  readonly addsUs: number;
}

/** A phase of both sides, or of one. */
export interface PhaseComparison {
  readonly phase: string;
  readonly kind: SidePhase['kind'];
  readonly a: PhaseSide | null;
  readonly b: PhaseSide | null;
  /** Of one instance's mean wall time; null where only one side has the phase. */
  readonly differenceUs: number | null;
  /** Of the wall time in a layer. */
  readonly layerDifferenceUs: number;
  /** What it contributes to the change of the layer's time. */
  readonly contributionUs: number;
  /** Of the change of the layer's time; null where that is none. */
  readonly sharePct: number | null;
}

/** Kernels of a category or of a name; times in a layer. */
export interface KernelComparison extends Difference {
  readonly name: string;
  readonly class: KernelClass;
  readonly category: string;
  /** Launches in a layer. */
  readonly aCount: number | null;
  readonly bCount: number | null;
  /** Of A; null where A has none. */
  readonly differencePct: number | null;
}

/** One role of the kernels of a collective, in a layer. */
export interface CollectiveComparison extends Difference {
  readonly phase: string;
  readonly role: CollectiveRole;
}

/** Something that changed the layer's time, and by how much; all changes of a comparison add up to the whole. */
export interface Change {
  readonly what: string;
  readonly part: 'computation' | 'exposed communication' | 'copies and fills' | 'idle';
  readonly differenceUs: number;
}

/** What `compare --json` prints, but for the sentence that ends it; times in µs, of one layer where nothing else is said. */
export interface Comparison {
  readonly schema: 'epemu-comparison/1';
  readonly a: SideHeadline;
  readonly b: SideHeadline;
  readonly basis: Basis;
  /** What must be known to read the figures, a sentence each. */
  readonly notes: readonly string[];
  /** Keys that differ; empty, too, where a side does not tell its configuration. */
  readonly configuration: readonly ConfigurationDifference[];
  readonly decomposition: {
    readonly a: LayerParts;
    readonly b: LayerParts;
    readonly difference: LayerParts;
    /** Of A's layer; null where that is 0. */
    readonly differencePct: number | null;
  };
  readonly figures: readonly FigureComparison[];
  /** What a GPU holds; empty where neither side tells. */
  readonly memory: readonly MemoryComparison[];
  /** What contributes most first. */
  readonly phases: readonly PhaseComparison[];
  /** What contributes most first; the phases' contributions, and what is none of theirs. */
  readonly changes: readonly Change[];
  /** Null where a side does not tell. */
  readonly collectives: readonly CollectiveComparison[] | null;
  readonly kernelClasses: readonly KernelComparison[];
  readonly kernels: readonly KernelComparison[];
}
