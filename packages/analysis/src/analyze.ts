import { Analyser } from './across/analyser.js';
import type { ClockFacts } from './across/analyser.js';
import { alignClocks } from './across/align.js';
import type { AlignMode } from './across/align.js';
import { clockProblems } from './across/clock-problems.js';
import { collectiveParts, matchCollectives } from './across/collectives.js';
import type { AnalysedSet } from './analysis.js';
import { layerMarker } from './figures/layers.js';
import { RanksSummary } from './figures/ranks-summary.js';
import { KernelRoles } from './kernel-role.js';
import type { KernelPattern } from './kernel-patterns.js';
import type { TraceSet } from './model.js';
import { readTraces } from './read/read-traces.js';
import type { ReadProgress } from './read/read-file.js';

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
  /**
   * Whether files of different jobs (by world size, GPU or date) are taken together rather than refused.
   *
   * @default false
   */
  readonly anyJob?: boolean;
  /** The only step of the profiler (`ProfilerStep#N`) that is analysed; all where it is left out. */
  readonly step?: number;
  /** Told how far reading is, many times a second. */
  readonly onProgress?: (progress: ReadProgress) => void;
}

const MOST_KERNELS = 8_000_000;

/** Analyses ranks that were read from traces. */
export function analyseSet(read: TraceSet, options: AnalysisOptions = {}): AnalysedSet {
  const match = ({ ranks }: TraceSet) => matchCollectives(ranks.map(collectiveParts)).collectives;
  const aligned = alignClocks(read, match, options.align ?? 'auto');
  const { set, alignment, apart } = aligned;
  const clocks: ClockFacts = { alignment, apart, problems: clockProblems(aligned, apart) };
  const marker = layerMarker(set.ranks[0], set.facts);
  const summary = new RanksSummary(marker, true);
  const analyser = new Analyser(set, options.mostPathKernels);
  const ranks = set.ranks.map((view) => summary.add(view));
  for (const figures of ranks) analyser.add(figures);
  return { ...analyser.result(summary, marker, clocks), set, ranks };
}

/**
 * Reads and analyses traces of one run.
 *
 * @throws BadInputError where nothing can be read.
 */
export async function analyze(paths: readonly string[], options: AnalysisOptions = {}): Promise<AnalysedSet> {
  const roles = new KernelRoles(options.patterns ?? []);
  const mostKernels = options.mostKernels ?? MOST_KERNELS;
  return analyseSet(
    await readTraces(paths, roles, { ...options, mostKernels, anyJob: options.anyJob ?? false }),
    options,
  );
}
