import type { Move } from '@epemu/cluster';
import type { Program } from '@epemu/schedule';

/** A row of the schedule that not all ranks have ended yet. */
interface OpenRow {
  /** By rank: end of its last compute operation so far, ns. */
  readonly endsNs: Float64Array;
  /** By rank: compute operations that have not ended. */
  readonly left: Uint16Array;
  /** Ranks that have not ended the row. */
  ranks: number;
}

/** A row that all ranks have ended. */
export interface EndedRow {
  readonly row: number;
  /** Layer of the row's first compute operation. */
  readonly layer: number;
  /** By rank: lag behind the earliest rank, ns. */
  readonly lagNs: readonly number[];
}

/** A layer's virtual time, mean over ranks. */
export interface LayerTime {
  readonly dense: boolean;
  readonly us: number;
}

/** What of a program decides rows and layers. */
type RowSource = Pick<Program, 'operations' | 'layerMarker'>;

/**
 * Follows by how much ranks end the compute of each row of the schedule later than the earliest one, and how long
 * layers take. Memory: the rows in which ranks are now, and a few numbers a layer.
 */
export class RowTracker {
  readonly #ranks: number;
  readonly #operations: RowSource['operations'];
  /** By row: its recorded compute operations. */
  readonly #compute = new Map<number, { count: number; layer: number }>();
  readonly #open = new Map<number, OpenRow>();
  /** Sums of lags over all rows ended, by rank, ns. */
  readonly #sumsNs: Float64Array;
  #rows = 0;
  #last: EndedRow | undefined;
  /** Operations whose start begins a layer, in launch order: sum of starts, ns, and ranks that have started. */
  readonly #marks: { readonly operation: number; readonly dense: boolean; sumNs: number; ranks: number }[];
  readonly #markOf: ReadonlyMap<number, number>;

  constructor({ operations, layerMarker }: RowSource, ranks: number) {
    this.#ranks = ranks;
    this.#operations = operations;
    this.#sumsNs = new Float64Array(ranks);
    for (const { kind, recorded, row, layer } of operations) {
      if (kind !== 'compute' || !recorded) continue;
      const known = this.#compute.get(row);
      if (known === undefined) this.#compute.set(row, { count: 1, layer });
      else known.count++;
    }
    this.#marks = operations
      .filter(({ phase, recorded }) => phase === layerMarker && recorded)
      .map(({ id, dense }) => ({ operation: id, dense, sumNs: 0, ranks: 0 }));
    this.#markOf = new Map(this.#marks.map(({ operation }, index) => [operation, index]));
  }

  /** Takes in a move of a rank. */
  note({ rank, operation: id, background, startNs, endNs }: Move): void {
    const operation = this.#operations[id];
    if (background || !operation.recorded) return;
    const mark = this.#markOf.get(id);
    if (mark !== undefined) {
      this.#marks[mark].sumNs += startNs;
      this.#marks[mark].ranks++;
    }
    if (operation.kind === 'compute') this.#noteCompute(operation.row, rank, endNs);
  }

  #noteCompute(row: number, rank: number, endNs: number): void {
    const { count, layer } = this.#compute.get(row)!;
    let open = this.#open.get(row);
    if (open === undefined) {
      open = {
        endsNs: new Float64Array(this.#ranks),
        left: new Uint16Array(this.#ranks).fill(count),
        ranks: this.#ranks,
      };
      this.#open.set(row, open);
    }
    open.endsNs[rank] = Math.max(open.endsNs[rank], endNs);
    if (--open.left[rank] > 0 || --open.ranks > 0) return;
    this.#open.delete(row);
    const earliestNs = open.endsNs.reduce((least, end) => Math.min(least, end));
    const lagNs = Array.from(open.endsNs, (end) => end - earliestNs);
    lagNs.forEach((lag, of) => (this.#sumsNs[of] += lag));
    this.#rows++;
    if (this.#last === undefined || row > this.#last.row) this.#last = { row, layer, lagNs };
  }

  /** The last row that all ranks have ended; undefined before the first. */
  get last(): EndedRow | undefined {
    return this.#last;
  }

  /** Rows that all ranks have ended. */
  get rows(): number {
    return this.#rows;
  }

  /** @returns the mean lag of each rank over all rows ended, ns. */
  meanLagsNs(): number[] {
    return Array.from(this.#sumsNs, (sum) => Math.round(sum / Math.max(1, this.#rows)));
  }

  /** Mean start of the first layer over ranks, µs; undefined until all ranks have come to it. */
  get firstLayerStartUs(): number | undefined {
    const { sumNs, ranks } = this.#marks[0] ?? { sumNs: 0, ranks: 0 };
    return ranks === this.#ranks ? sumNs / ranks / 1000 : undefined;
  }

  /** @returns times of the layers that all ranks have ended, in order; the last layer of a run is never among them. */
  layerTimes(): LayerTime[] {
    const times: LayerTime[] = [];
    for (let i = 0; i + 1 < this.#marks.length; i++) {
      const [begin, end] = [this.#marks[i], this.#marks[i + 1]];
      if (begin.ranks < this.#ranks || end.ranks < this.#ranks) break;
      times.push({ dense: begin.dense, us: (end.sumNs - begin.sumNs) / this.#ranks / 1000 });
    }
    return times;
  }
}
