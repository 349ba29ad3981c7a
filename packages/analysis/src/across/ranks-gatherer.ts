import { lengthOf } from '@epemu/timeline';
import type { BytesTo, OverlapFigures } from '@epemu/timeline';
import type { RankFigures } from '../figures/rank-figures.js';
import { StepSums } from '../figures/step-figures.js';
import { TableAccumulator } from '../figures/tables.js';
import type { RankSet } from '../model.js';
import { isTold } from '../path/gates.js';
import { rankGraph } from '../path/rank-graph.js';
import type { RankGraph } from '../path/rank-graph.js';
import type { CollectivePart } from './collective-part.js';
import { collectiveParts } from './collectives.js';

/** What of one rank is kept until all are there: figures, its parts in collectives, and its graph. */
export interface GatheredRank {
  readonly rank: number;
  readonly figures: OverlapFigures;
  readonly layers: number;
  readonly kernels: number;
  readonly computeNs: number;
  readonly inferred: boolean;
  readonly parts: readonly CollectivePart[];
  readonly bytesTo: BytesTo | undefined;
  /** Undefined where there are too many kernels for a critical path. */
  readonly graph: RankGraph | undefined;
}

/**
 * Gathers what the stage across ranks needs of each, one after the other in any order; the ranks themselves, and their
 * kernels, may go when they have been taken.
 */
export class RanksGatherer {
  readonly tables: TableAccumulator;
  readonly steps = new StepSums();
  readonly #set: RankSet;
  readonly #mostPathKernels: number;
  #ranks: GatheredRank[] = [];
  #kernels = 0;
  #unphased = 0;
  #untold = 0;

  /** @param mostPathKernels kernels of which a critical path is sought; none is given of more. */
  constructor(set: RankSet, mostPathKernels: number) {
    this.#set = set;
    this.#mostPathKernels = mostPathKernels;
    this.tables = new TableAccumulator(set.identities);
  }

  /** Kernels of all ranks taken so far. */
  get kernels(): number {
    return this.#kernels;
  }

  /** How many of them are in no phase. */
  get unphased(): number {
    return this.#unphased;
  }

  /** Of how many neither the trace's phases nor its calls tell what they waited for. */
  get untold(): number {
    return this.#untold;
  }

  /** Whether there are so many kernels that no critical path is sought. */
  get isTooLong(): boolean {
    return this.#kernels > this.#mostPathKernels;
  }

  add({ view, whole: { full }, layers }: RankFigures): void {
    const { rank, content } = view;
    const { count } = content.kernels;
    this.#kernels += count;
    content.kernels.instance.forEach((instance, row) => {
      if (instance < 0) this.#unphased++;
      if ((instance < 0 || content.inferred) && !isTold(content.waits, row)) this.#untold++;
    });
    this.tables.add(view, full.spanNs);
    this.steps.add(view);
    const parts = collectiveParts(view);
    // Those that were built before are of no use any more.
    if (this.isTooLong) this.#ranks = this.#ranks.map((gathered) => ({ ...gathered, graph: undefined }));
    this.#ranks.push({
      rank,
      figures: full,
      layers: layers.length,
      kernels: count,
      computeNs: lengthOf(view.compute),
      inferred: content.inferred,
      parts,
      bytesTo: content.bytesTo,
      graph: this.isTooLong ? undefined : rankGraph(view, this.#set.facts, parts),
    });
  }

  /** The ranks taken so far, ascending. */
  ranks(): readonly GatheredRank[] {
    return this.#ranks.sort((a, b) => a.rank - b.rank);
  }
}
