/** A named range on a thread of the host or a stream of the GPU. Times are µs. */
export interface NamedRange {
  readonly name: string;
  readonly tid: number | string;
  readonly startUs: number;
  readonly endUs: number;
  /** The same of a host's range and of its shadows on streams, where the trace says so. */
  readonly externalId?: number | undefined;
}

/** Answers which range holds a moment; asked with moments that ascend. */
export class Containment<Range extends NamedRange> {
  readonly #sorted: readonly Range[];
  #next = 0;
  #open: Range[] = [];

  constructor(ranges: readonly Range[]) {
    this.#sorted = [...ranges].sort((a, b) => a.startUs - b.startUs || b.endUs - a.endUs);
  }

  /**
   * @returns the range that began last of those that hold the moment; one of the same thread comes first, for backward
   * passes launch from a thread of their own while the annotation is on the main one.
   */
  at(us: number, tid: number | string): Range | undefined {
    let changed = false;
    while (this.#next < this.#sorted.length && this.#sorted[this.#next].startUs <= us) {
      this.#open.push(this.#sorted[this.#next++]);
      changed = true;
    }
    // What starts where a range ends is behind it.
    if (changed || this.#open.some(({ endUs }) => endUs <= us))
      this.#open = this.#open.filter(({ endUs }) => endUs > us);
    return this.#open.findLast((range) => range.tid === tid) ?? this.#open.at(-1);
  }
}
