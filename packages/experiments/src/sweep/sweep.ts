import type { Configuration } from '@epemu/config';
import { messageOf } from '@epemu/core';
import type { PointPool } from '../points/point-pool.js';
import type { Axis, PointValues } from './axis.js';
import { PointStore, pointId } from './store.js';
import type { PointRow } from './store.js';

/** What a sweep is of. */
export interface SweepOptions {
  readonly axes: readonly Axis[];
  /** @returns the configuration of settings. @throws BadInputError of what cannot be: that point is a failed one. */
  readonly configurationOf: (settings: readonly string[]) => Configuration;
  readonly pool: PointPool;
  readonly store: PointStore;
  /** Told of each point that is there. */
  readonly onPoint?: (row: PointRow) => void;
}

/** Emulates points of a sweep, those that are known from before at once. */
export class Sweep {
  readonly #options: SweepOptions;
  readonly #rows = new Map<string, Promise<PointRow>>();

  constructor(options: SweepOptions) {
    this.#options = options;
  }

  /** @returns a point's row; emulated once. */
  point(values: PointValues): Promise<PointRow> {
    const key = JSON.stringify(values);
    let row = this.#rows.get(key);
    if (row === undefined) {
      row = this.#emulate(values).then((made) => {
        this.#options.onPoint?.(made);
        return made;
      });
      this.#rows.set(key, row);
    }
    return row;
  }

  /** @returns rows of points in their order. */
  points(values: readonly PointValues[]): Promise<PointRow[]> {
    return Promise.all(values.map((each) => this.point(each)));
  }

  async #emulate(values: PointValues): Promise<PointRow> {
    const { axes, configurationOf, pool, store } = this.#options;
    let configuration: Configuration;
    try {
      configuration = configurationOf(axes.map(({ key }, index) => `${key}=${values[index]}`));
    } catch (error) {
      return { values, error: messageOf(error) };
    }
    const id = pointId(configuration);
    const known = store.figures(id);
    if (known !== undefined) return { values, figures: known };
    const outcome = await pool.emulate(configuration);
    if ('error' in outcome) return { values, error: outcome.error };
    store.add(id, outcome.figures);
    return { values, figures: outcome.figures };
  }
}
