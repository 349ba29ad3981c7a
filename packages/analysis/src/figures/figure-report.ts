import type { LayerImbalance } from '@epemu/routing';
import type { CollectiveRole, KernelClass } from '@epemu/timeline';
import type { PhaseOrder } from './phase-orders.js';

/** Figures of a set of ranks over a window, µs and %; per-rank values averaged, `spanUs` over all ranks. */
export interface OverlapSummary {
  readonly spanUs: number;
  /** Mean over ranks of each rank's own span. */
  readonly rankSpanUs: number;
  readonly layerUs: { readonly mean: number; readonly min: number; readonly max: number };
  readonly computeUs: number;
  readonly commUs: number;
  readonly idleUs: number;
  readonly computeBusyPct: number;
  readonly commBusyPct: number;
  readonly idlePct: number;
  readonly overlapPct: number;
  readonly exposedCommUs: number;
  readonly exposedCommPct: number;
  readonly exposedCommPctOfComm: number;
  readonly serialUs: number;
  readonly overlapGain: number;
}

export interface TimelineSummary extends OverlapSummary {
  readonly kernelsOnly: OverlapSummary;
}

/** A phase over all ranks and layers: times, µs, of one instance. */
export interface PhaseSummary {
  readonly name: string;
  /** Null for a background transfer, which holds no stream. */
  readonly stream: number | null;
  /** What its stream is for; `network` for a background transfer. */
  readonly kind: 'computation' | 'communication' | 'network';
  /** Instances on one rank. */
  readonly count: number;
  readonly meanUs: number;
  readonly minUs: number;
  readonly maxUs: number;
  /** Mean time with a kernel running. */
  readonly busyUs: number;
  /** Mean time of its communication with no compute running on the rank. */
  readonly exposedUs: number;
}

/** A kernel of a phase over all ranks and layers; kernels of a phase that a trace tells apart by nothing are one. */
export interface KernelFigure {
  readonly phase: string;
  /** As it stands in traces. */
  readonly kernel: string;
  /** Which of several kernels of that name it is; null where it has no label. */
  readonly label: string | null;
  readonly role: 'notify' | 'transfer' | null;
  /** The same with layouts, and the halves of a transfer told apart; null for all but communication. */
  readonly collectiveRole: CollectiveRole | null;
  readonly class: KernelClass;
  readonly category: string;
  /** Thread blocks of one launch; null where launches differ. */
  readonly ctas: number | null;
  /** Launches on one rank. */
  readonly count: number;
  /** Mean time of one launch, µs. */
  readonly meanUs: number;
}

export interface RankSummary {
  readonly rank: number;
  readonly spanUs: number;
  readonly computeBusyPct: number;
  readonly exposedCommPct: number;
  /** Sums over all dispatches of the run. */
  readonly receivedTokens: number;
  readonly expertRows: number;
  /** The same rows of one dispatch: over the dispatches of the run. */
  readonly expertRowsOfDispatch: { readonly mean: number; readonly min: number; readonly max: number };
}

/** The longest piece of communication with no compute running. */
export interface ExposedPiece {
  readonly rank: number;
  /** Of the communication that fills most of the piece. */
  readonly phase: string;
  readonly startUs: number;
  readonly us: number;
  /** What that communication was at: waiting for other ranks, or moving bytes. */
  readonly waitsFor: CollectiveRole;
  /** The phase whose compute comes next, or null at the end of the run. */
  readonly blocked: string | null;
}

/** One step over all ranks, see {@link ProgramSteps}; times in µs. */
export interface ProgramStepFigure {
  readonly step: number;
  /** From its first kernel to that of the next step. */
  readonly spanUs: number;
  readonly layerUs: { readonly mean: number; readonly min: number; readonly max: number };
  /** Exposed communication, % of the span. */
  readonly exposedCommPct: number;
}

export interface FigureReport {
  readonly timeline: TimelineSummary;
  readonly steady: TimelineSummary;
  readonly phases: readonly PhaseSummary[];
  readonly kernels: readonly KernelFigure[];
  /** Share of notify in the busy time of the communication stream, %. */
  readonly notifyPctOfComm: number;
  readonly phaseOrders: readonly PhaseOrder[];
  readonly ranksSummary: readonly RankSummary[];
  readonly imbalance: readonly LayerImbalance[];
  /** Mean over ranks of each layer's time, in order; `dense` is that of the layer marker's operation. */
  readonly layerTimes: readonly { readonly layer: number; readonly dense: boolean; readonly us: number }[];
  readonly steps: readonly ProgramStepFigure[];
  readonly largestExposed: ExposedPiece | null;
  /** The same figures of rank 0 by itself; null within these, and where rank 0 was not added. */
  readonly rankZero: FigureReport | null;
}
