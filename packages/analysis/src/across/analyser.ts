import { microseconds, ratio, rounded } from '@epemu/core';
import type { OverlapFigures } from '@epemu/timeline';
import type { AnalysedRanks, Analysis, RankFigure } from '../analysis.js';
import type { RankFigures } from '../figures/rank-figures.js';
import type { RanksSummary } from '../figures/ranks-summary.js';
import type { InputProblem, RankSet } from '../model.js';
import { criticalPathPieces, summarisePath } from '../path/critical-path.js';
import type { PathPiece } from '../path/critical-path.js';
import { buildGraph } from '../path/graph.js';
import { replayOrder } from '../path/replay.js';
import { whatIfs } from '../path/what-if.js';
import type { Alignment } from './align.js';
import { matchCollectives } from './collectives.js';
import type { Collective } from './collectives.js';
import { RanksGatherer } from './ranks-gatherer.js';
import type { GatheredRank } from './ranks-gatherer.js';
import { collectiveSkews, rankLateness } from './skew.js';
import { byteTraffic } from './traffic.js';

const MOST_PATH_KERNELS = 2_000_000;

/** How the clocks of ranks were brought together, for ranks of separate captures. */
export interface ClockFacts {
  readonly alignment: Alignment | null;
  /** Ranks whose clocks nothing compares with the others'. */
  readonly apart: readonly number[];
  readonly problems: readonly InputProblem[];
}

const ONE_CLOCK: ClockFacts = { alignment: null, apart: [], problems: [] };

function rankFigure(rank: number, figures: OverlapFigures): RankFigure {
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

/** The critical path and the what-ifs of all ranks; nothing of too many kernels, or of a circle. */
interface PathResult {
  readonly pieces: readonly PathPiece[];
  readonly criticalPath: Analysis['criticalPath'];
  readonly circular: boolean;
}

/**
 * The one stage across ranks: takes each rank's figures, one after the other, and finds what only all of them together
 * tell: who waits for whom, the critical path, what would help.
 */
export class Analyser {
  readonly #set: RankSet;
  readonly #gatherer: RanksGatherer;
  readonly #mostPathKernels: number;

  /** @param mostPathKernels kernels of which a critical path is sought, some 50 bytes of each; none is given of more. */
  constructor(set: RankSet, mostPathKernels = MOST_PATH_KERNELS) {
    this.#set = set;
    this.#mostPathKernels = mostPathKernels;
    this.#gatherer = new RanksGatherer(set, mostPathKernels);
  }

  /** Takes a rank; its kernels may go afterwards. */
  add(figures: RankFigures): void {
    this.#gatherer.add(figures);
  }

  #path(ranks: readonly GatheredRank[], collectives: readonly Collective[]): PathResult {
    const graphs = ranks.flatMap(({ graph }) => graph ?? []);
    if (graphs.length < ranks.length) return { pieces: [], criticalPath: null, circular: false };
    const numbers = ranks.map(({ rank }) => rank);
    const graph = buildGraph(numbers, graphs, collectives);
    const order = replayOrder(graph);
    if (order === undefined) return { pieces: [], criticalPath: null, circular: true };
    const pieces = criticalPathPieces(graph);
    const answers = whatIfs(graph, order, {
      ranks: numbers,
      facts: this.#set.facts,
      bytesTo: bytesOf(ranks),
      keepPhaseLags: this.#set.source === 'emulated',
    });
    return { pieces, criticalPath: { ...summarisePath(pieces, numbers), ...answers }, circular: false };
  }

  /**
   * @param summary of the same ranks.
   * @param marker the phase whose starts bound a layer.
   */
  result(summary: RanksSummary, marker: string | undefined, clocks: ClockFacts = ONE_CLOCK): AnalysedRanks {
    const { facts, files, source } = this.#set;
    const { tables, kernels, steps } = this.#gatherer;
    const ranks = this.#gatherer.ranks();
    const { collectives, unmatched } = matchCollectives(ranks.map(({ parts }) => parts));
    const together = collectives.filter(({ parts }) => parts.length > 1);
    const comparable = ranks.filter(({ rank }) => !clocks.apart.includes(rank));
    const { pieces, criticalPath, circular } = this.#path(ranks, collectives);
    const missing = { unmatched, kernels, mostPathKernels: this.#mostPathKernels, circular };
    const problems = [...this.#set.problems, ...clocks.problems, ...missingProblems(files, missing)];
    const isAlone = ranks.length < (facts.worldSize ?? Number.POSITIVE_INFINITY);
    const exposed = summary.exposed.result({ collectives, isAlone });
    const steadyExposed = summary.steadyExposed.result({ collectives, isAlone });
    const analysis: Analysis = {
      schema: 'epemu-analysis/1',
      source,
      files,
      partial: problems.some(({ partial }) => partial),
      problems,
      scenario: facts.scenario ?? null,
      ranks: ranks.length,
      worldSize: facts.worldSize ?? null,
      kernels,
      gpu: facts.gpuName ?? null,
      computeSms: facts.computeSms ?? null,
      communicationSms: facts.communicationSms ?? null,
      unphasedKernels: this.#gatherer.unphased,
      untoldKernels: this.#gatherer.untold,
      phasesInferred: ranks.some(({ inferred }) => inferred),
      timeline: summary.timeline.whole(),
      steady: summary.timeline.steady(),
      steps: steps.result(),
      betweenStepsUs: steps.betweenUs,
      layers: { marker: marker ?? null, count: summary.timeline.layers },
      streams: tables.streams(),
      phases: summary.phases(),
      kernelClasses: tables.categories(),
      kernelNames: tables.kernels(),
      ranksSummary: ranks.map(({ rank, figures }) => rankFigure(rank, figures)),
      exposed: exposed.pieces,
      exposedCauses: exposed.causes,
      steadyExposed: steadyExposed.pieces,
      alignment: clocks.alignment,
      collectives: collectiveSkews(together),
      stragglers: comparable.length > 1 ? rankLateness(together, comparable) : [],
      traffic: byteTraffic(bytesOf(ranks), facts),
      criticalPath,
    };
    return { analysis, set: this.#set, collectives, path: pieces };
  }
}

function bytesOf(ranks: readonly GatheredRank[]): Map<number, NonNullable<GatheredRank['bytesTo']>> {
  return new Map(ranks.flatMap(({ rank, bytesTo }) => (bytesTo === undefined ? [] : [[rank, bytesTo] as const])));
}

/** What keeps figures from being given. */
interface Missing {
  readonly unmatched: readonly number[];
  readonly kernels: number;
  readonly mostPathKernels: number;
  readonly circular: boolean;
}

function missingProblems(files: readonly string[], missing: Missing): InputProblem[] {
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
