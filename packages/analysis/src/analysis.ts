import type { PhaseSummary, TimelineSummary } from './figures/figure-report.js';
import type { Alignment } from './across/align.js';
import type { Collective } from './across/collectives.js';
import type { CollectiveSkew, RankLateness } from './across/skew.js';
import type { ByteTraffic } from './across/traffic.js';
import type { ExposedCause, ExposedPieceFigure } from './figures/exposed-causes.js';
import type { RankFigures } from './figures/rank-figures.js';
import type { StepFigure } from './figures/step-figures.js';
import type { KernelTotal, StreamFigure } from './figures/tables.js';
import type { InputProblem, RankSet, TraceSet } from './model.js';
import type { CriticalPath, PathPiece } from './path/critical-path.js';
import type { WhatIfs } from './path/what-if.js';

/** Figures of one rank by itself. */
export interface RankFigure {
  readonly rank: number;
  readonly spanUs: number;
  readonly computeBusyPct: number;
  readonly commBusyPct: number;
  readonly overlapPct: number;
  readonly exposedCommUs: number;
  readonly exposedCommPct: number;
  readonly idlePct: number;
}

/** What `analyze --json` prints; times in µs. */
export interface Analysis {
  readonly schema: 'epemu-analysis/1';
  readonly source: RankSet['source'];
  readonly files: readonly string[];
  readonly partial: boolean;
  readonly problems: readonly InputProblem[];
  readonly scenario: string | null;
  readonly ranks: number;
  readonly worldSize: number | null;
  readonly kernels: number;
  readonly gpu: string | null;
  readonly computeSms: number | null;
  readonly communicationSms: number | null;
  /** Whether phases are named by the order of collectives, for the traces name none. */
  readonly phasesInferred: boolean;
  /** Kernels that are in no phase, for annotations cover part of a trace. */
  readonly unphasedKernels: number;
  /** Kernels of which neither annotated phases nor recorded calls tell what they waited for. */
  readonly untoldKernels: number;
  readonly timeline: TimelineSummary;
  /** Between the first layer and the last; null of fewer than four. */
  readonly steady: TimelineSummary | null;
  /** Of a trace with several steps of the profiler, each by itself. */
  readonly steps: readonly StepFigure[];
  /** Time between these in which none has a kernel, mean over ranks. */
  readonly betweenStepsUs: number;
  readonly layers: { readonly marker: string | null; readonly count: number };
  readonly streams: readonly StreamFigure[];
  readonly phases: readonly PhaseSummary[];
  readonly kernelClasses: readonly KernelTotal[];
  readonly kernelNames: readonly KernelTotal[];
  readonly ranksSummary: readonly RankFigure[];
  /** Of the whole trace, the longest first. */
  readonly exposed: readonly ExposedPieceFigure[];
  /** The same by cause, what takes most time first. */
  readonly exposedCauses: readonly ExposedCause[];
  /** Of `exposed` what is in the steady layers; the same where there are none. */
  readonly steadyExposed: readonly ExposedPieceFigure[];
  readonly alignment: Alignment | null;
  readonly collectives: readonly CollectiveSkew[];
  readonly stragglers: readonly RankLateness[];
  readonly traffic: ByteTraffic | null;
  /** Null where things wait for each other in a circle, as clocks that are wrong can make them. */
  readonly criticalPath: (CriticalPath & WhatIfs) | null;
}

/** An analysis, with what pages show beyond its figures; the ranks themselves may be gone. */
export interface AnalysedRanks {
  readonly analysis: Analysis;
  readonly set: RankSet;
  readonly collectives: readonly Collective[];
  readonly path: readonly PathPiece[];
}

/** An analysis of ranks that are all at hand, as exports and comparisons need them. */
export interface AnalysedSet extends AnalysedRanks {
  readonly set: TraceSet;
  /** Figures of each rank by itself, with the view that they are of. */
  readonly ranks: readonly RankFigures[];
}
