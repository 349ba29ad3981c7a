const TICK_MS = 250;

/**
 * Tells when nothing has moved for too long. Only time in which this process could have seen a move counts: a long
 * computation on its thread, or a suspended computer, is no stall of a rank. Keeps the event loop alive until `end`.
 */
export class StallWatch {
  readonly #timer: NodeJS.Timeout;

  /**
   * @param seconds how long nothing may move.
   * @param counter a number that changes with every move.
   * @param onStall called once.
   */
  constructor(seconds: number, counter: () => number, onStall: () => void) {
    const tickMs = Math.min(TICK_MS, (seconds * 1000) / 4);
    let last = counter();
    let tickedAt = performance.now();
    let idleMs = 0;
    this.#timer = setInterval(() => {
      const now = performance.now();
      const count = counter();
      idleMs = count === last ? idleMs + Math.min(now - tickedAt, 4 * tickMs) : 0;
      last = count;
      tickedAt = now;
      if (idleMs <= seconds * 1000) return;
      this.end();
      onStall();
    }, tickMs);
  }

  end(): void {
    clearInterval(this.#timer);
  }
}
