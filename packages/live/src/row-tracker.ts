import type { Move } from '@epemu/cluster';
import type { Operation, Program } from '@epemu/schedule';

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
type RowSource = Pick<Program, 'operations' | 'layerMarker' | 'roles'>;

/**
 * Follows, among the ranks of each role, by how much they end the compute of each row of the schedule later than the earliest one, and how
 * long layers of the first role that has any take. Memory: the rows in which ranks are now, and a few numbers a layer.
 */
export class RowTracker {
  /** Ranks of the role whose layers are timed. */
  readonly #markedRanks: number;
  readonly #operations: RowSource['operations'];
  readonly #roles: RowSource['roles'];
  /** By role and row: its recorded compute operations. */
  readonly #compute = new Map<string, { count: number; layer: number }>();
  readonly #open = new Map<string, OpenRow>();
  /** Sums of lags over all rows ended, by rank, ns. */
  readonly #sumsNs: Float64Array;
  #rows = 0;
  #last: EndedRow | undefined;
  /** Operations whose start begins a layer, in launch order: sum of starts, ns, and ranks that have started. */
  readonly #marks: { readonly operation: number; readonly dense: boolean; sumNs: number; ranks: number }[];
  readonly #markOf: ReadonlyMap<number, number>;

  constructor({ operations, layerMarker, roles }: RowSource, ranks: number) {
    this.#roles = roles;
    this.#operations = operations;
    this.#sumsNs = new Float64Array(ranks);
    for (const operation of operations) {
      const { kind, recorded, layer } = operation;
      if (kind !== 'compute' || !recorded) continue;
      const known = this.#compute.get(rowKey(operation));
      if (known === undefined) this.#compute.set(rowKey(operation), { count: 1, layer });
      else known.count++;
    }
    const marks = operations.filter(({ phase, recorded }) => phase === layerMarker && recorded);
    const markedRole = marks[0]?.role ?? 0;
    this.#markedRanks = roles[markedRole].ranks.length;
    this.#marks = marks
      .filter(({ role }) => role === markedRole)
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
    if (operation.kind === 'compute') this.#noteCompute(operation, rank, endNs);
  }

  #noteCompute(operation: Operation, rank: number, endNs: number): void {
    const { row } = operation;
    const key = rowKey(operation);
    const { count, layer } = this.#compute.get(key)!;
    const { ranks } = this.#roles[operation.role];
    let open = this.#open.get(key);
    if (open === undefined) {
      const { length } = this.#sumsNs;
      open = { endsNs: new Float64Array(length), left: new Uint16Array(length).fill(count), ranks: ranks.length };
      this.#open.set(key, open);
    }
    open.endsNs[rank] = Math.max(open.endsNs[rank], endNs);
    if (--open.left[rank] > 0 || --open.ranks > 0) return;
    this.#open.delete(key);
    const { endsNs } = open;
    const earliestNs = ranks.reduce((least, of) => Math.min(least, endsNs[of]), Number.POSITIVE_INFINITY);
    const lagNs = Array.from(endsNs, (end) => Math.max(0, end - earliestNs));
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
    return ranks === this.#markedRanks ? sumNs / ranks / 1000 : undefined;
  }

  /** @returns times of the layers that all ranks have ended, in order; the last layer of a run is never among them. */
  layerTimes(): LayerTime[] {
    const times: LayerTime[] = [];
    for (let i = 0; i + 1 < this.#marks.length; i++) {
      const [begin, end] = [this.#marks[i], this.#marks[i + 1]];
      if (begin.ranks < this.#markedRanks || end.ranks < this.#markedRanks) break;
      times.push({ dense: begin.dense, us: (end.sumNs - begin.sumNs) / this.#markedRanks / 1000 });
    }
    return times;
  }
}

function rowKey({ role, row }: Operation): string {
  return `${role} ${row}`;
}
