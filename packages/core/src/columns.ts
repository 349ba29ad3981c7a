/** Element types that a column of a full chunk may be kept in, the narrowest first. */
const ELEMENT_TYPES = [Uint8Array, Uint16Array, Uint32Array, Float64Array] as const;
const TYPE_LIMITS = [0xff, 0xffff, 0xffffffff];
/** Rows of a chunk: enough that what a chunk costs beside its rows is little, few enough to lie idle in many tables. */
const CHUNK_ROWS = 1024;

/** What is added to values that are kept as they are: with 0 instead, −0 would read back as 0. */
const NO_OFFSET = -0;

/** A column of consecutive rows: each value less `offset`. */
interface FrozenColumn {
  readonly offset: number;
  readonly values: Uint8Array | Uint16Array | Uint32Array | Float64Array;
}

/** Rows that are never written again. */
interface Chunk {
  readonly firstRow: number;
  readonly rows: number;
  readonly columns: readonly FrozenColumn[];
}

/**
 * @param rows of `width` numbers each, one after the other.
 * @returns a column of a chunk, the narrowest type that holds how far its values are from their minimum, and what to take off
 * each. Loops by index: a rank freezes a hundred columns, and iterators take three times as long.
 */
function columnOf(
  rows: Float64Array,
  width: number,
  index: number,
): { values: Float64Array; offset: number; type: (typeof ELEMENT_TYPES)[number] } {
  const values = new Float64Array(CHUNK_ROWS);
  let minimum = Number.POSITIVE_INFINITY;
  let maximum = Number.NEGATIVE_INFINITY;
  let integers = true;
  for (let row = 0; row < CHUNK_ROWS; row++) {
    const value = rows[row * width + index];
    values[row] = value;
    if (value < minimum) minimum = value;
    if (value > maximum) maximum = value;
    if (value !== Math.floor(value) || (value === 0 && 1 / value < 0)) integers = false;
  }
  // The difference of two integers this near each other is exact, however large they are; that of infinities is no number.
  const fits = integers ? TYPE_LIMITS.findIndex((limit) => maximum - minimum <= limit) : -1;
  return fits < 0
    ? { values, offset: NO_OFFSET, type: Float64Array }
    : { values, offset: minimum, type: ELEMENT_TYPES[fits] };
}

/** @returns the rows `rows[row × width + column]`, column by column in the least memory. */
function frozenColumns(rows: Float64Array, width: number): FrozenColumn[] {
  const columns = Array.from({ length: width }, (_, index) => columnOf(rows, width, index));
  // One buffer for all: the collector looks at each one.
  const bytes = columns.reduce((sum, { type }) => sum + CHUNK_ROWS * type.BYTES_PER_ELEMENT, 0);
  const buffer = new ArrayBuffer(bytes);
  let at = 0;
  return columns.map(({ values, offset, type: Type }) => {
    const kept = new Type(buffer, at, CHUNK_ROWS);
    at += kept.byteLength;
    if (offset !== 0) for (let row = 0; row < CHUNK_ROWS; row++) values[row] -= offset;
    kept.set(values);
    return { offset, values: kept };
  });
}

/**
 * Growable columns of numbers, integers nearly all: a timeline of millions of events as objects would take fifty times
 * the memory. Full chunks of rows are kept in the narrowest types that hold them; every number reads back as it was.
 */
export class Columns<Names extends string> {
  readonly names: readonly Names[];
  readonly #chunks: Chunk[] = [];
  /** Rows behind the last chunk, one after the other. */
  #open: Float64Array;
  #openRows = 0;
  #capacity: number;
  /** Rows in chunks. */
  #frozenRows = 0;
  /** Whole columns that were asked for since the last row came. */
  #whole: (Float64Array | undefined)[] | undefined;

  /** @param capacity how many rows there is room for before any memory is moved. */
  constructor(names: readonly Names[], capacity = 64) {
    this.names = names;
    this.#capacity = Math.min(capacity, CHUNK_ROWS);
    this.#open = new Float64Array(this.#capacity * names.length);
  }

  /** How many rows there are. */
  get count(): number {
    return this.#frozenRows + this.#openRows;
  }

  /** Appends a row; values in the order of `names`. */
  push(...values: readonly number[]): void {
    if (this.#openRows === this.#capacity) this.#makeRoom();
    const open = this.#open;
    const width = this.names.length;
    const at = this.#openRows * width;
    for (let i = 0; i < width; i++) open[at + i] = values[i]!;
    this.#openRows++;
    this.#whole = undefined;
  }

  /** @returns all values of a column, which later rows do not change. To ask again before a row comes costs nothing. */
  column(name: Names): Float64Array {
    const index = this.names.indexOf(name);
    this.#whole ??= this.names.map(() => undefined);
    return (this.#whole[index] ??= this.columnFrom(name, 0));
  }

  /** @returns a new array of a column's values from row `firstRow` on, at the cost of these rows alone. */
  columnFrom(name: Names, firstRow: number): Float64Array {
    const index = this.names.indexOf(name);
    const result = new Float64Array(Math.max(0, this.count - firstRow));
    let chunk = this.#chunks.length;
    while (chunk > 0 && this.#chunks[chunk - 1].firstRow + this.#chunks[chunk - 1].rows > firstRow) chunk--;
    for (; chunk < this.#chunks.length; chunk++) {
      const { firstRow: first, rows, columns } = this.#chunks[chunk];
      const { offset, values } = columns[index];
      for (let row = Math.max(0, firstRow - first); row < rows; row++) {
        result[first + row - firstRow] = values[row] + offset;
      }
    }
    for (let row = Math.max(0, firstRow - this.#frozenRows); row < this.#openRows; row++) {
      result[this.#frozenRows + row - firstRow] = this.#open[row * this.names.length + index];
    }
    return result;
  }

  /** Makes room for at least one more row: larger up to a whole chunk, which is then frozen. */
  #makeRoom(): void {
    const width = this.names.length;
    if (this.#capacity < CHUNK_ROWS) {
      this.#capacity = Math.min(CHUNK_ROWS, this.#capacity * 2);
      const larger = new Float64Array(this.#capacity * width);
      larger.set(this.#open);
      this.#open = larger;
      return;
    }
    this.#addChunk({ firstRow: this.#frozenRows, rows: CHUNK_ROWS, columns: frozenColumns(this.#open, width) });
    this.#openRows = 0;
  }

  #addChunk(chunk: Chunk): void {
    this.#chunks.push(chunk);
    this.#frozenRows += chunk.rows;
  }

  /** @returns a columns object that takes the given arrays over, all of one length. */
  static from<Names extends string>(names: readonly Names[], values: readonly Float64Array[]): Columns<Names> {
    const columns = new Columns(names, 1);
    const rows = values[0]?.length ?? 0;
    columns.#addChunk({ firstRow: 0, rows, columns: values.map((column) => ({ offset: NO_OFFSET, values: column })) });
    columns.#whole = [...values];
    return columns;
  }
}
