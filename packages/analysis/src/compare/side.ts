import type { CollectiveRole, KernelClass } from '@epemu/timeline';
import type { ComparedConfiguration } from './configurations.js';
import type { ComparedMemory, ComparedThroughput } from './report-schema.js';
import type { PhaseSummary, TimelineSummary } from '../figures/figure-report.js';

/** A phase of one side of a comparison. Sums are those of one rank, mean over ranks, in the window of the tables. */
export interface SidePhase {
  readonly name: string;
  readonly stream: number | null;
  readonly kind: PhaseSummary['kind'];
  /** Instances that start in the window. */
  readonly count: number;
  /** Mean wall time of one instance. */
  readonly meanUs: number;
  /** What it adds to the time in which something computes. */
  readonly computeUs: number;
  /** What it adds to the time in which communication is exposed. */
  readonly exposedUs: number;
}

/** Kernels of one name on one side: sums of one rank, mean over ranks. */
export interface SideKernel {
  readonly name: string;
  readonly class: KernelClass;
  readonly category: string;
  readonly count: number;
  readonly totalUs: number;
}

/** Communication kernels of one role within one phase. */
export interface SideCollective {
  readonly phase: string;
  readonly role: CollectiveRole;
  readonly totalUs: number;
}

/** What is compared phase by phase and kernel by kernel, over so many layers. */
export interface SideTables {
  /** Layers of the window; 0 where nothing marks a layer. */
  readonly layers: number;
  readonly phases: readonly SidePhase[];
  readonly kernels: readonly SideKernel[];
  /** Null where what was read does not tell which phase a kernel is of. */
  readonly collectives: readonly SideCollective[] | null;
}

/** One of the two that are compared: traces, a report or a saved analysis. */
export interface ComparedSide {
  /** What the user named. */
  readonly path: string;
  readonly from: 'traces' | 'report' | 'analysis';
  readonly source: 'emulated' | 'captured';
  readonly scenario: string | null;
  /** Ranks that figures are means over. */
  readonly ranks: number;
  /** The only rank, where there is one and it is known. */
  readonly rank: number | null;
  readonly worldSize: number | null;
  readonly gpu: string | null;
  readonly layers: number;
  /** Phase whose starts bound a layer; null where it is not known, as of a report. */
  readonly marker: string | null;
  readonly phasesInferred: boolean;
  /** What a GPU of the run holds; null where nothing tells. */
  readonly memory: ComparedMemory | null;
  /** Of the whole model; null where nothing tells. */
  readonly throughput: ComparedThroughput | null;
  /** What the run was configured with; null where nothing tells. */
  readonly configuration: ComparedConfiguration | null;
  readonly timeline: TimelineSummary;
  readonly steady: TimelineSummary | null;
  /** Over all layers, as reports have it: time that phases share counts in each, background transfers add nothing. */
  readonly plain: SideTables;
  /** What traces tell: each piece of time counts once, over all layers and over the steady ones; null of no traces. */
  readonly exact: { readonly whole: SideTables; readonly steady: SideTables | null } | null;
}
