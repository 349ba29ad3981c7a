import type { RankView } from '@epemu/timeline';
import type { PhaseSummary } from './figure-report.js';
import { ExposedAccumulator } from './exposed-causes.js';
import { PhaseSums } from './phase-sums.js';
import { rankFigures } from './rank-figures.js';
import type { RankFigures } from './rank-figures.js';
import { SummaryAccumulator } from './summary.js';

/**
 * What all figures over ranks are taken from, whoever shows them: report, page, validation or analysis. Takes ranks one
 * after the other, in any order, and keeps sums and a few numbers a rank.
 */
export class RanksSummary {
  readonly timeline = new SummaryAccumulator();
  readonly exposed: ExposedAccumulator;
  /** What of it is in the steady layers. */
  readonly steadyExposed: ExposedAccumulator;
  readonly #phases = new PhaseSums();
  readonly #marker: string | undefined;

  /**
   * @param marker the phase whose starts bound a layer.
   * @param splits whether exposed pieces are told apart by collectives once all ranks are known: of traces.
   */
  constructor(marker: string | undefined, splits = false) {
    this.#marker = marker;
    this.exposed = new ExposedAccumulator(splits);
    this.steadyExposed = new ExposedAccumulator(splits);
  }

  /** Takes a rank into the sums. @returns its own figures. */
  add(view: RankView): RankFigures {
    const figures = rankFigures(view, this.#marker);
    this.timeline.add(figures);
    this.exposed.add(figures.exposed);
    this.steadyExposed.add(figures.steadyExposed);
    this.#phases.add(view);
    return figures;
  }

  /** @returns phases over all ranks, in the order in which they first ran. */
  phases(): PhaseSummary[] {
    return this.#phases.result();
  }
}
