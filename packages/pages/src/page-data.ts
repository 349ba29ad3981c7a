import type { ChartData } from './charts/chart-data.js';
import type { LayerPicture } from './layer/picture.js';

/** A figure at the top of the page. */
export interface SummaryFigure {
  readonly label: string;
  /** With its unit, as an engineer reads it: `129.01 ms`, `96.3 %`. */
  readonly value: string;
  /** One line below it; empty for none. */
  readonly note: string;
}

/** How a slice counts in overlap figures. */
export const SLICE_CLASSES = ['compute', 'communication', 'memory'] as const;

/** A row of the timeline: one stream of one rank, or its network. */
export interface TimelineTrack {
  /** Group that the row is in: a rank, or in a comparison a rank of one of the two (`A rank 0`). */
  readonly group: string;
  /** `stream 7`, `network`. */
  readonly name: string;
  readonly role: 'computation' | 'communication' | 'network';
}

/** Columns of one kind of slice, all of one length, ascending by track, then by start. Times are integer ns from the timeline's start. */
export interface SliceColumns {
  /** Index of the track. */
  readonly track: readonly number[];
  readonly startNs: readonly number[];
  readonly durationNs: readonly number[];
  /** Index into the timeline's names. */
  readonly name: readonly number[];
}

/** Everything that the timeline draws. */
export interface TimelineData {
  readonly endNs: number;
  readonly tracks: readonly TimelineTrack[];
  /** Names of kernels and phases. */
  readonly names: readonly string[];
  readonly kernels: SliceColumns & {
    /** Index into {@link SLICE_CLASSES}. */
    readonly class: readonly number[];
    /** Index into the timeline's names: the kernel's phase; −1 for none. */
    readonly phase: readonly number[];
  };
  /** Drawn above the kernels of their track; background transfers of a network row are phases without kernels. */
  readonly phases: SliceColumns;
  /** Arrows from the last arrival at a collective to where each other rank went on. */
  readonly flows: {
    readonly fromTrack: readonly number[];
    readonly fromNs: readonly number[];
    readonly toTrack: readonly number[];
    readonly toNs: readonly number[];
  };
  /** The critical path, ascending in time: pieces on a track, each connected with the next. */
  readonly path: {
    readonly track: readonly number[];
    readonly startNs: readonly number[];
    readonly endNs: readonly number[];
  };
  /** Communication with no compute running on the rank; `track` is one that the communication is on. */
  readonly exposed: {
    readonly track: readonly number[];
    readonly startNs: readonly number[];
    readonly endNs: readonly number[];
    /** Index into the timeline's names. */
    readonly phase: readonly number[];
  };
  /** What was left out to keep the page small; empty for nothing. */
  readonly note: string;
}

/** Overlap and busy shares of one rank, %. */
export interface RankBars {
  readonly rank: string;
  readonly overlapPct: number;
  readonly computeBusyPct: number;
  readonly commBusyPct: number;
  readonly exposedPct: number;
  readonly idlePct: number;
}

/** Bytes from rank (row) to rank (column); `bytes` is row by row. */
export interface ByteMatrix {
  readonly ranks: number;
  /** GPUs of a node. */
  readonly nodeSize: number;
  readonly bytes: readonly number[];
}

/** A table: `right` marks numbers; `delta` signed ones, which are coloured; `flagged` rows stand out. */
export interface PageTable {
  readonly id: string;
  readonly title: string;
  /** One or two sentences below the title; empty for none. */
  readonly note: string;
  readonly columns: readonly { readonly label: string; readonly align: 'left' | 'right' | 'delta' }[];
  readonly rows: readonly {
    readonly cells: readonly string[];
    readonly flagged: boolean;
    /** What of the row is better; absent where neither is. */
    readonly better?: 'less' | 'more';
  }[];
}

/** What a rank of a pipeline works on at a time: one part, or two that overlap. */
export interface ChartCell {
  /** In ms from the start of the step. */
  readonly start: number;
  readonly end: number;
  readonly parts: readonly {
    readonly work: 'forward' | 'backward' | 'backward for input' | 'backward for weights';
    readonly microBatch: number;
  }[];
}

/** Who of a pipeline works on what when. */
export interface PipelineChart {
  /** Of the whole step, ms. */
  readonly end: number;
  readonly rows: readonly { readonly label: string; readonly cells: readonly ChartCell[] }[];
}

/** Everything on a report page. Sections whose data is null or empty are left out. */
export interface PageData {
  readonly kind: 'run' | 'analysis' | 'comparison' | 'sweep';
  /** `decode, 128 ranks`; the document's title too. */
  readonly title: string;
  /** What was read or run, in a line: files, seed, digest. */
  readonly subtitle: string;
  /** Sentences that must be seen first: a failed run's error, that an analysis is partial. */
  readonly warnings: readonly string[];
  /** The sentence that names the largest exposed piece, its cause and what to try; empty for none. */
  readonly finding: string;
  readonly figures: readonly SummaryFigure[];
  /** Of a sweep. */
  readonly charts?: readonly ChartData[];
  /** One of a run or trace; two, A and B, of a comparison. */
  readonly layers: readonly LayerPicture[];
  readonly timeline: TimelineData | null;
  /** Of a pipeline alone. */
  readonly pipeline?: PipelineChart;
  readonly ranks: readonly RankBars[];
  readonly matrix: ByteMatrix | null;
  /** Phase table, calibration table, critical path, what-ifs, skew, comparison: in the order in which they stand. */
  readonly tables: readonly PageTable[];
  /** The resolved configuration, shown folded; null where there is none. */
  readonly configuration: unknown;
  /** What is real and what is modelled; null for captured traces. */
  readonly statement: { readonly real: string; readonly modelled: string } | null;
  readonly epemuVersion: string;
}
