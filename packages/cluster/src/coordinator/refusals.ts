/** As many are told one by one; whoever knocks for ever must not fill the log. */
const MOST_TOLD = 100;
/** How often the others are told of, together, ms. */
const INTERVAL_MS = 10_000;

/** Counts who was turned away, and tells of it. */
export class Refusals {
  readonly #tell: (reason: string, count: number) => void;
  #count = 0;
  #last = '';
  /** Not told of yet. */
  #untold = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param tell told why somebody was turned away, and for how many that stands. */
  constructor(tell: (reason: string, count: number) => void) {
    this.#tell = tell;
  }

  get count(): number {
    return this.#count;
  }

  /** Why the last one was. */
  get last(): string {
    return this.#last;
  }

  note(reason: string): void {
    this.#count++;
    this.#last = reason;
    if (this.#count <= MOST_TOLD) {
      this.#tell(reason, 1);
      return;
    }
    this.#untold++;
    this.#timer ??= setTimeout(() => {
      this.#flush();
    }, INTERVAL_MS);
  }

  /** Tells what is still untold. */
  end(): void {
    clearTimeout(this.#timer);
    this.#flush();
  }

  #flush(): void {
    this.#timer = undefined;
    const count = this.#untold;
    this.#untold = 0;
    if (count > 0) this.#tell(this.#last, count);
  }
}
