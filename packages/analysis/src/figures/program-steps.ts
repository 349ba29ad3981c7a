import { largest, mean, microseconds, ratio, rounded, smallest } from '@epemu/core';
import type { ProgramFacts, RankView } from '@epemu/timeline';
import type { ProgramStepFigure } from './figure-report.js';
import type { RankFigures } from './rank-figures.js';

/** What one rank did in one step. */
interface StepOfRank {
  readonly spanNs: number;
  readonly exposedNs: number;
  /** Times of its layers, ns. */
  readonly layersNs: readonly number[];
}

/**
 * Figures of each step. A step begins on a rank with the first kernel that belongs to it and lasts to that of the next, the
 * last to the rank's end: where two micro-batches alternate, the next step begins while this one's last layer drains, and
 * the steps' times still add up to the run's.
 */
export class ProgramSteps {
  readonly #facts: ProgramFacts;
  readonly #steps = new Map<number, StepOfRank[]>();

  constructor(facts: ProgramFacts) {
    this.#facts = facts;
  }

  /** Takes in a rank and its own figures. */
  add(view: RankView, { layers, whole }: RankFigures): void {
    const starts = this.#startsNs(view);
    starts.forEach(({ step, startNs }, index) => {
      const endNs = starts[index + 1]?.startNs ?? whole.full.endNs;
      const { exposedNs } = starts.length === 1 ? whole.full : view.figures(true, { startNs, endNs });
      const layersNs = layers.flatMap((layer, place) =>
        this.#stepOf(layer.operation!) === step
          ? [(layers[place + 1]?.startNs ?? whole.full.endNs) - layer.startNs]
          : [],
      );
      const list = this.#steps.get(step) ?? [];
      list.push({ spanNs: endNs - startNs, exposedNs, layersNs });
      this.#steps.set(step, list);
    });
  }

  /** @returns the steps in order, each a mean over the ranks that came to it. */
  result(): ProgramStepFigure[] {
    return [...this.#steps]
      .sort(([a], [b]) => a - b)
      .map(([step, ranks]) => {
        const least = smallest(ranks.map(({ layersNs }) => layersNs.length));
        const layersNs = Array.from({ length: least }, (_, i) => mean(ranks.map(({ layersNs: times }) => times[i])));
        return {
          step,
          spanUs: microseconds(mean(ranks.map(({ spanNs }) => spanNs))),
          layerUs: {
            mean: microseconds(mean(layersNs)),
            min: least === 0 ? 0 : microseconds(smallest(layersNs)),
            max: least === 0 ? 0 : microseconds(largest(layersNs)),
          },
          exposedCommPct: rounded(100 * mean(ranks.map(({ exposedNs, spanNs }) => ratio(exposedNs, spanNs)))),
        };
      });
  }

  /** When each step of a rank begins, ascending. */
  #startsNs({ content: { kernels } }: RankView): { step: number; startNs: number }[] {
    const starts: { step: number; startNs: number }[] = [];
    // Kernels ascend by start.
    for (let row = 0; row < kernels.count; row++) {
      const operation = kernels.operation[row];
      if (operation < 0) continue;
      const step = this.#stepOf(operation);
      if (step > (starts.at(-1)?.step ?? -1)) starts.push({ step, startNs: kernels.startNs[row] });
    }
    return starts;
  }

  #stepOf(operation: number): number {
    return this.#facts.operation(operation).step;
  }
}
