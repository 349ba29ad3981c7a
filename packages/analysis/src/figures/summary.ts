import { largest, mean, microseconds, ratio, rounded, smallest } from '@epemu/core';
import type { OverlapFigures } from '@epemu/timeline';
import type { OverlapSummary, TimelineSummary } from './figure-report.js';
import type { RankFigures, WindowFigures } from './rank-figures.js';

/** Averages ranks; layer times, ns, are means over ranks already. */
function summarise(ranks: readonly OverlapFigures[], layersNs: readonly number[]): OverlapSummary {
  const average = (pick: (figures: OverlapFigures) => number): number => mean(ranks.map(pick));
  const percent = (part: keyof OverlapFigures, whole: keyof OverlapFigures): number =>
    rounded(100 * average((figures) => ratio(figures[part], figures[whole])));
  const spanNs =
    ranks.length === 0 ? 0 : largest(ranks.map(({ endNs }) => endNs)) - smallest(ranks.map(({ startNs }) => startNs));
  const serialNs = average(({ serialNs: ns }) => ns);
  const none = layersNs.length === 0;
  return {
    spanUs: microseconds(spanNs),
    rankSpanUs: microseconds(average(({ spanNs: ns }) => ns)),
    layerUs: {
      mean: microseconds(mean(layersNs)),
      min: none ? 0 : microseconds(smallest(layersNs)),
      max: none ? 0 : microseconds(largest(layersNs)),
    },
    computeUs: microseconds(average(({ computeNs }) => computeNs)),
    commUs: microseconds(average(({ commNs }) => commNs)),
    idleUs: microseconds(average(({ idleNs }) => idleNs)),
    computeBusyPct: percent('computeNs', 'spanNs'),
    commBusyPct: percent('commStreamNs', 'spanNs'),
    idlePct: percent('idleNs', 'spanNs'),
    overlapPct: percent('overlapNs', 'commNs'),
    exposedCommUs: microseconds(average(({ exposedNs }) => exposedNs)),
    exposedCommPct: percent('exposedNs', 'spanNs'),
    exposedCommPctOfComm: percent('exposedNs', 'commNs'),
    serialUs: microseconds(serialNs),
    overlapGain: rounded(ratio(serialNs, spanNs)),
  };
}

/** Times of a rank's layers, ns, the last up to a given end. */
function layerTimes({ layers }: RankFigures, lastEndNs: number): number[] {
  return layers.map(({ startNs }, index) => (layers[index + 1]?.startNs ?? lastEndNs) - startNs);
}

/** Sums the figures of ranks, one after the other; keeps a few numbers a rank. */
export class SummaryAccumulator {
  readonly #whole: WindowFigures[] = [];
  readonly #steady: WindowFigures[] = [];
  /** By rank: layer times, ns; only the last layer's end differs without background transfers. */
  readonly #layers = { full: [] as number[][], kernelsOnly: [] as number[][] };

  add(figures: RankFigures): void {
    const { whole, steady } = figures;
    this.#whole.push(whole);
    if (steady !== undefined) this.#steady.push(steady);
    this.#layers.full.push(layerTimes(figures, whole.full.endNs));
    this.#layers.kernelsOnly.push(layerTimes(figures, whole.kernelsOnly.endNs));
  }

  /** How many ranks were added. */
  get ranks(): number {
    return this.#whole.length;
  }

  /** How many layers all ranks came to. */
  get layers(): number {
    return this.ranks === 0 ? 0 : smallest(this.#layers.full.map(({ length }) => length));
  }

  /** Mean over ranks of each layer's time, ns; a layer that some rank did not come to is left out. */
  layerTimesNs(kind: keyof WindowFigures = 'full'): number[] {
    return Array.from({ length: this.layers }, (_, layer) => mean(this.#layers[kind].map((times) => times[layer])));
  }

  #summary(of: readonly WindowFigures[], first: number, last: number): TimelineSummary {
    const summary = (kind: keyof WindowFigures): OverlapSummary =>
      summarise(
        of.map((figures) => figures[kind]),
        this.layerTimesNs(kind).slice(first, last),
      );
    return { ...summary('full'), kernelsOnly: summary('kernelsOnly') };
  }

  /** Over all that ranks did. */
  whole(): TimelineSummary {
    return this.#summary(this.#whole, 0, this.layers);
  }

  /** Between the first layer and the last of each rank; null where some rank has too few. */
  steady(): TimelineSummary | null {
    if (this.ranks === 0 || this.#steady.length < this.ranks) return null;
    return this.#summary(this.#steady, 1, this.layers - 1);
  }
}
