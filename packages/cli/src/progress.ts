const REDRAW_MS = 100;
const PLAIN_LINE_MS = 10_000;

/** How far something is: `running`, `mlp(F), layer 2`, and its share, 0 to 1. */
export interface LineProgress {
  readonly stage: string;
  readonly detail?: string;
  readonly share: number;
}

/** Shows progress on standard error: one line that redraws itself on a terminal, plain lines elsewhere. */
export class ProgressLine {
  readonly #stream: NodeJS.WriteStream;
  readonly #startedAt = performance.now();
  #shownAt = Number.NEGATIVE_INFINITY;
  #stage = '';

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  show({ stage, detail, share }: LineProgress): void {
    const now = performance.now();
    const due = now - this.#shownAt >= (this.#stream.isTTY ? REDRAW_MS : PLAIN_LINE_MS);
    if (!due && stage === this.#stage) return;
    this.#shownAt = now;
    this.#stage = stage;
    const seconds = ((now - this.#startedAt) / 1000).toFixed(0);
    const where = detail === undefined ? '' : ` ${detail},`;
    const text = `${stage}${where} ${(share * 100).toFixed(0)} % (${seconds} s)`;
    this.#stream.write(this.#stream.isTTY ? `\r\x1b[K${text}` : `${text}\n`);
  }

  /** Clears the line. */
  end(): void {
    if (this.#stream.isTTY) this.#stream.write('\r\x1b[K');
  }
}
