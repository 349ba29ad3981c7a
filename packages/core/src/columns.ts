/** Growable typed columns: a timeline of millions of events as objects would take twenty times the memory. */
export class Columns<Names extends string> {
  readonly names: readonly Names[];
  #columns: Float64Array[];
  #count = 0;

  constructor(names: readonly Names[], capacity = 64) {
    this.names = names;
    this.#columns = names.map(() => new Float64Array(capacity));
  }

  /** How many rows there are. */
  get count(): number {
    return this.#count;
  }

  /** Appends a row; values in the order of `names`, safe integers. */
  push(...values: readonly number[]): void {
    if (this.#count === this.#columns[0].length) this.#grow();
    for (let i = 0; i < this.#columns.length; i++) this.#columns[i][this.#count] = values[i]!;
    this.#count++;
  }

  /** @returns the column's values, a view that later `push`es may detach from. */
  column(name: Names): Float64Array {
    return this.#columns[this.names.indexOf(name)].subarray(0, this.#count);
  }

  #grow(): void {
    this.#columns = this.#columns.map((column) => {
      const larger = new Float64Array(column.length * 2);
      larger.set(column);
      return larger;
    });
  }

  /** @returns a columns object that takes the given arrays over, all of one length. */
  static from<Names extends string>(names: readonly Names[], values: readonly Float64Array[]): Columns<Names> {
    const columns = new Columns(names, 1);
    columns.#columns = values.map((column) => (column.length === 0 ? new Float64Array(1) : column));
    columns.#count = values[0]?.length ?? 0;
    return columns;
  }
}
