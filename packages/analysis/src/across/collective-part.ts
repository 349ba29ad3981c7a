/** What is known of a rank's part in a collective when its kernels have been found. Times are ns. */
export interface PartRow {
  /** Stream of its synchronisation, as the trace numbers it. */
  readonly stream: string;
  /** Index of the phase instance, −1 for none. */
  readonly instance: number;
  readonly phase: string;
  readonly layer: number | undefined;
  /** When the rank was there: the start of its first communication kernel that is not a layout. */
  readonly arrivedNs: number;
  /** The sending half of a collective that is split in two; −1 of one that is not. */
  readonly sendRow: number;
  /** The kernel whose end needs all ranks: the notify where there is one, else what moves the bytes. */
  readonly syncRow: number;
  readonly syncEndNs: number;
  /** What moves the bytes; −1 where the trace ends before it. */
  readonly transferRow: number;
  readonly endNs: number;
  /** When the last byte of the background transfer was there; undefined where there is none, or nothing tells. */
  readonly lastByteNs: number | undefined;
  /** What the kernels are: `notify dispatch`, `combine`; equal parts of two ranks have equal ones. */
  readonly signature: string;
  /** The process group that it is in, as all its ranks name it; empty where the trace does not say. */
  readonly group: string;
}

/** All parts of one rank, by arrival, as columns: tens of thousands of parts as objects would take ten times the memory. */
class PartColumns {
  readonly rank: number;
  readonly stream: readonly string[];
  readonly phase: readonly string[];
  readonly signature: readonly string[];
  readonly group: readonly string[];
  readonly instance: Int32Array;
  readonly sendRow: Int32Array;
  readonly syncRow: Int32Array;
  readonly transferRow: Int32Array;
  readonly arrivedNs: Float64Array;
  readonly syncEndNs: Float64Array;
  readonly endNs: Float64Array;
  /** Not a number where there is none. */
  readonly layer: Float64Array;
  readonly lastByteNs: Float64Array;

  constructor(rank: number, rows: readonly PartRow[]) {
    this.rank = rank;
    this.stream = rows.map(({ stream }) => stream);
    this.phase = rows.map(({ phase }) => phase);
    this.signature = rows.map(({ signature }) => signature);
    this.group = rows.map(({ group }) => group);
    this.instance = Int32Array.from(rows, ({ instance }) => instance);
    this.sendRow = Int32Array.from(rows, ({ sendRow }) => sendRow);
    this.syncRow = Int32Array.from(rows, ({ syncRow }) => syncRow);
    this.transferRow = Int32Array.from(rows, ({ transferRow }) => transferRow);
    this.arrivedNs = Float64Array.from(rows, ({ arrivedNs }) => arrivedNs);
    this.syncEndNs = Float64Array.from(rows, ({ syncEndNs }) => syncEndNs);
    this.endNs = Float64Array.from(rows, ({ endNs }) => endNs);
    this.layer = Float64Array.from(rows, ({ layer }) => layer ?? Number.NaN);
    this.lastByteNs = Float64Array.from(rows, ({ lastByteNs }) => lastByteNs ?? Number.NaN);
  }
}

const known = (value: number): number | undefined => (Number.isNaN(value) ? undefined : value);

/** One rank's part in a collective: where its kernels synchronise with those of other ranks. See {@link PartRow}. */
export class CollectivePart implements PartRow {
  readonly #of: PartColumns;
  /** Its place among the rank's parts, by arrival. */
  readonly index: number;

  private constructor(of: PartColumns, index: number) {
    this.#of = of;
    this.index = index;
  }

  /** @returns the parts of a rank, by arrival. @param rows in any order. */
  static ofRank(rank: number, rows: readonly PartRow[]): CollectivePart[] {
    const columns = new PartColumns(
      rank,
      [...rows].sort((a, b) => a.arrivedNs - b.arrivedNs || a.syncRow - b.syncRow),
    );
    return rows.map((_, index) => new CollectivePart(columns, index));
  }

  get rank(): number {
    return this.#of.rank;
  }

  get stream(): string {
    return this.#of.stream[this.index];
  }

  get instance(): number {
    return this.#of.instance[this.index];
  }

  get phase(): string {
    return this.#of.phase[this.index];
  }

  get layer(): number | undefined {
    return known(this.#of.layer[this.index]);
  }

  get arrivedNs(): number {
    return this.#of.arrivedNs[this.index];
  }

  get sendRow(): number {
    return this.#of.sendRow[this.index];
  }

  get syncRow(): number {
    return this.#of.syncRow[this.index];
  }

  get syncEndNs(): number {
    return this.#of.syncEndNs[this.index];
  }

  get transferRow(): number {
    return this.#of.transferRow[this.index];
  }

  get endNs(): number {
    return this.#of.endNs[this.index];
  }

  get lastByteNs(): number | undefined {
    return known(this.#of.lastByteNs[this.index]);
  }

  get signature(): string {
    return this.#of.signature[this.index];
  }

  get group(): string {
    return this.#of.group[this.index];
  }
}
