/** More than any varint takes. */
const VARINT_BYTES = 10;

/** Small integers as bytes, which grow: as an array of numbers they would take eight times the memory. */
export class VarintWriter {
  #bytes = new Uint8Array(1 << 16);
  #length = 0;

  /** Seven bits a byte, lowest first; by division, as times need more than 32 bits. */
  put(value: number): void {
    if (this.#length + VARINT_BYTES > this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#bytes.length);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    let rest = value;
    while (rest >= 128) {
      this.#bytes[this.#length++] = (rest % 128) + 128;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#length++] = rest;
  }

  /** What was written. */
  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}
