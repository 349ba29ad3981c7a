/** A small generator (xorshift): the same seed makes the same trial. */
export class Random {
  #state;

  constructor(seed) {
    this.#state = (seed * 2_654_435_761 + 1) >>> 0 || 1;
    for (let i = 0; i < 8; i++) this.next();
  }

  /** @returns a whole number of 32 bits. */
  next() {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return this.#state;
  }

  /** @returns a whole number below a limit. */
  below(limit) {
    return this.next() % limit;
  }

  of(list) {
    return list[this.below(list.length)];
  }
}
