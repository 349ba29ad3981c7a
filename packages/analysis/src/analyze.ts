import { microseconds, rounded, ratio, summarise } from '@epemu/timeline';
import type { OverlapFigures, PhaseSummary, TimelineSummary } from '@epemu/timeline';
import { alignClocks } from './across/align.js';
import type { AlignMode, Alignment } from './across/align.js';
import { clockProblems } from './across/clock-problems.js';
import { collectiveParts, matchCollectives } from './across/collectives.js';
import type { Collective } from './across/collectives.js';
import { collectiveSkews, rankLateness } from './across/skew.js';
import type { CollectiveSkew, RankLateness } from './across/skew.js';
import { byteTraffic } from './across/traffic.js';
import type { ByteTraffic } from './across/traffic.js';
import { exposedFigures } from './figures/exposed-causes.js';
import type { ExposedCause, ExposedPieceFigure } from './figures/exposed-causes.js';
import { layerMarker, layerStarts, steadyWindow } from './figures/layers.js';
import { TableAccumulator } from './figures/tables.js';
import type { KernelTotal, StreamFigure } from './figures/tables.js';
import { TraceView } from './figures/trace-view.js';
import { KernelRoles } from './kernel-role.js';
import type { KernelPattern } from './kernel-role.js';
import type { InputProblem, TraceSet } from './model.js';
import { criticalPathPieces, summarisePath } from './path/critical-path.js';
import type { CriticalPath, PathPiece } from './path/critical-path.js';
import { buildGraph } from './path/graph.js';
import { replayOrder } from './path/replay.js';
import { whatIfs } from './path/what-if.js';
import type { WhatIfs } from './path/what-if.js';
import { readTraces } from './read/read-traces.js';
import type { ReadProgress } from './read/read-traces.js';

/** What an analysis may be told. */
export interface AnalysisOptions {
  /** Patterns of the user's own, looked at before the table. */
  readonly patterns?: readonly KernelPattern[];
  /** Whether clocks of separate captures are aligned. @default 'auto' */
  readonly align?: AlignMode;
  /**
   * Kernels that are kept, some 100 bytes of each; what a trace has beyond them is left out, and said so.
   *
   * @default 8,000,000
   */
  readonly mostKernels?: number;
  /**
   * Kernels of which a critical path is sought, some 300 bytes of each; none is given of more.
   *
   * @default 2,000,000
   */
  readonly mostPathKernels?: number;
  /** Told how far reading is, many times a second. */
  readonly onProgress?: (progress: ReadProgress) => void;
}

const MOST_KERNELS = 8_000_000;
const MOST_PATH_KERNELS = 2_000_000;

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
  readonly source: TraceSet['source'];
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
  readonly timeline: TimelineSummary;
  /** Between the first layer and the last; null of fewer than four. */
  readonly steady: TimelineSummary | null;
  readonly layers: { readonly marker: string | null; readonly count: number };
  readonly streams: readonly StreamFigure[];
  readonly phases: readonly PhaseSummary[];
  readonly kernelClasses: readonly KernelTotal[];
  readonly kernelNames: readonly KernelTotal[];
  readonly ranksSummary: readonly RankFigure[];
  /** The longest first. */
  readonly exposed: readonly ExposedPieceFigure[];
  /** The same by cause, what takes most time first. */
  readonly exposedCauses: readonly ExposedCause[];
  readonly alignment: Alignment | null;
  readonly collectives: readonly CollectiveSkew[];
  readonly stragglers: readonly RankLateness[];
  readonly traffic: ByteTraffic | null;
  /** Null where things wait for each other in a circle, as clocks that are wrong can make them. */
  readonly criticalPath: (CriticalPath & WhatIfs) | null;
}

/** What pages and exports need beyond the figures. */
export interface AnalysedSet {
  readonly analysis: Analysis;
  readonly set: TraceSet;
  readonly views: readonly TraceView[];
  readonly collectives: readonly Collective[];
  readonly path: readonly PathPiece[];
  readonly roles: KernelRoles;
}

/** Figures of all ranks in one window each, averaged. */
function summaryOf(
  views: readonly TraceView[],
  starts: readonly (readonly number[])[],
  steady: boolean,
): TimelineSummary | null {
  const windows = starts.map((list) => (steady ? steadyWindow(list) : undefined));
  if (steady && windows.some((window) => window === undefined)) return null;
  const figures = (withTransfers: boolean): OverlapFigures[] =>
    views.map((view, index) => view.figures(withTransfers, windows[index]));
  const layers = (of: readonly OverlapFigures[]): number[] => {
    const times = starts.map((list, rank) => {
      const bounds = steady ? list.slice(1) : [...list, of[rank].endNs];
      return bounds.slice(1).map((end, index) => end - bounds[index]);
    });
    const least = Math.min(...times.map(({ length }) => length));
    return Array.from(
      { length: least },
      (_, layer) => times.reduce((sum, list) => sum + list[layer], 0) / times.length,
    );
  };
  const [full, kernelsOnly] = [figures(true), figures(false)];
  return { ...summarise(full, layers(full)), kernelsOnly: summarise(kernelsOnly, layers(kernelsOnly)) };
}

function rankFigure({ rank }: TraceSet['ranks'][number], figures: OverlapFigures): RankFigure {
  const percent = (part: number, whole: number): number => rounded(100 * ratio(part, whole));
  return {
    rank,
    spanUs: microseconds(figures.spanNs),
    computeBusyPct: percent(figures.computeNs, figures.spanNs),
    commBusyPct: percent(figures.commStreamNs, figures.spanNs),
    overlapPct: percent(figures.overlapNs, figures.commNs),
    exposedCommUs: microseconds(figures.exposedNs),
    exposedCommPct: percent(figures.exposedNs, figures.spanNs),
    idlePct: percent(figures.idleNs, figures.spanNs),
  };
}

/** Analyses ranks that are in memory: read from traces, or of a run that has just ended. */
export function analyseSet(read: TraceSet, roles: KernelRoles, options: AnalysisOptions = {}): AnalysedSet {
  let unmatched: readonly number[] = [];
  const match = ({ ranks, names }: TraceSet): readonly Collective[] => {
    const matched = matchCollectives(ranks.map((rank) => collectiveParts(rank, names, roles)));
    unmatched = matched.unmatched;
    return matched.collectives;
  };
  const aligned = alignClocks(read, match, options.align ?? 'auto');
  const { set, collectives, alignment, apart } = aligned;
  const views = set.ranks.map((rank) => new TraceView(rank, set.names, roles));
  const marker = layerMarker(set.ranks[0], set.facts);
  const starts = set.ranks.map((rank) => layerStarts(rank, marker));
  const tables = new TableAccumulator(set.names);
  const whole = views.map((view) => view.figures(true));
  views.forEach((view, index) => {
    tables.add(view, whole[index].spanNs);
  });
  const kernels = set.ranks.reduce((sum, rank) => sum + rank.kernels.count, 0);
  const { mostPathKernels = MOST_PATH_KERNELS } = options;
  const graph = kernels <= mostPathKernels ? buildGraph(set, collectives, roles) : undefined;
  const order = graph === undefined ? undefined : replayOrder(graph);
  const path = graph === undefined || order === undefined ? [] : criticalPathPieces(graph);
  const together = collectives.filter(({ parts }) => parts.length > 1);
  const comparable = views.filter(({ rank: { rank } }) => !apart.includes(rank));
  const problems = [
    ...set.problems,
    ...clockProblems(aligned, apart),
    ...missingProblems(set, {
      unmatched,
      kernels,
      mostPathKernels,
      circular: graph !== undefined && order === undefined,
    }),
  ];
  const { facts } = set;
  const analysis: Analysis = {
    schema: 'epemu-analysis/1',
    source: set.source,
    files: set.files,
    partial: problems.some(({ partial }) => partial),
    problems,
    scenario: facts.scenario ?? null,
    ranks: set.ranks.length,
    worldSize: facts.worldSize ?? null,
    kernels,
    gpu: facts.gpuName ?? null,
    computeSms: facts.computeSms ?? null,
    communicationSms: facts.communicationSms ?? null,
    phasesInferred: set.ranks.some(({ inferred }) => inferred),
    timeline: summaryOf(views, starts, false)!,
    steady: summaryOf(views, starts, true),
    layers: { marker: marker ?? null, count: Math.min(...starts.map(({ length }) => length)) },
    streams: tables.streams(),
    phases: tables.phases(),
    kernelClasses: tables.categories(),
    kernelNames: tables.kernels(),
    ranksSummary: set.ranks.map((rank, index) => rankFigure(rank, whole[index])),
    ...exposedFigures(views, collectives),
    alignment,
    collectives: collectiveSkews(together),
    stragglers: comparable.length > 1 ? rankLateness(together, comparable) : [],
    traffic: byteTraffic(set),
    criticalPath:
      graph === undefined || order === undefined
        ? null
        : {
            ...summarisePath(
              path,
              set.ranks.map(({ rank }) => rank),
            ),
            ...whatIfs(graph, order),
          },
  };
  return { analysis, set, views, collectives, path, roles };
}

/** What keeps figures from being given. */
interface Missing {
  readonly unmatched: readonly number[];
  readonly kernels: number;
  readonly mostPathKernels: number;
  readonly circular: boolean;
}

function missingProblems({ files }: TraceSet, missing: Missing): InputProblem[] {
  const { unmatched, kernels, mostPathKernels, circular } = missing;
  const problem = (message: string): InputProblem => ({ file: files[0] ?? '', message, partial: true });
  const problems: InputProblem[] = [];
  if (unmatched.length > 0) {
    const left = unmatched.length === 1 ? 'it' : 'them';
    problems.push(
      problem(
        `rank ${unmatched.join(', ')} ran collectives in another order than the first rank, so that none of them can be matched; skew and critical path leave ${left} out`,
      ),
    );
  }
  if (kernels > mostPathKernels) {
    problems.push(
      problem(
        `the traces have ${kernels} kernels, and a critical path is sought of at most ${mostPathKernels}; none is given: analyse fewer steps or ranks`,
      ),
    );
  }
  if (circular) {
    problems.push(
      problem(
        'kernels wait for each other in a circle: the clocks of the captures contradict their collectives; no critical path is given: try --align always',
      ),
    );
  }
  return problems;
}

/**
 * Reads and analyses traces of one run.
 *
 * @throws BadInputError where nothing can be read.
 */
export async function analyze(paths: readonly string[], options: AnalysisOptions = {}): Promise<AnalysedSet> {
  const roles = new KernelRoles(options.patterns ?? []);
  return analyseSet(
    await readTraces(paths, roles, { ...options, mostKernels: options.mostKernels ?? MOST_KERNELS }),
    roles,
    options,
  );
}
