/**
 * Room for columns of numbers that are needed for a while, again and again: megabytes that were new each time would lie
 * about outside the heap until the collector looks for them.
 */
export class NumberRoom {
  #values = new Float64Array(0);
  #taken = 0;

  /** Takes all room back: what was given of it is written over from now on. */
  clear(): void {
    this.#taken = 0;
  }

  /** @returns room for so many numbers, whatever they are yet. */
  take(length: number): Float64Array {
    if (this.#taken + length > this.#values.length) {
      // What was given of the smaller room stays where it is.
      this.#values = new Float64Array(Math.max(length, 2 * this.#values.length));
      this.#taken = 0;
    }
    const values = this.#values.subarray(this.#taken, this.#taken + length);
    this.#taken += length;
    return values;
  }
}
