import type { Messages } from './state.js';

/** Stretch of host time that the rate is taken over, ms. */
const WINDOW_MS = 3000;

/** Messages that workers have sent, and how many a second they send now. */
export class MessageRate {
  /** By worker, since its start. */
  readonly #sent = new Map<number, number>();
  #samples: { readonly atMs: number; readonly sent: number }[] = [];
  #told: Messages = { sent: 0, perSecond: 0 };

  /** Takes in what a worker has sent since its start. */
  note(worker: number, sent: number): void {
    this.#sent.set(worker, sent);
  }

  /** @returns the messages so far and their rate; undefined where nothing changed. */
  take(nowMs: number): Messages | undefined {
    const sent = this.#total();
    this.#samples.push({ atMs: nowMs, sent });
    // One sample from before the window stays, so that the rate is over the whole of it.
    while (this.#samples.length > 2 && this.#samples[1].atMs <= nowMs - WINDOW_MS) this.#samples.shift();
    const [first] = this.#samples;
    const ms = nowMs - first.atMs;
    return this.#tell({ sent, perSecond: ms > 0 ? Math.round(((sent - first.sent) / ms) * 1000) : 0 });
  }

  /** The ranks have ended. @returns the messages; undefined where that was told. */
  stop(): Messages | undefined {
    return this.#tell({ sent: this.#total(), perSecond: 0 });
  }

  #total(): number {
    let sent = 0;
    for (const count of this.#sent.values()) sent += count;
    return sent;
  }

  #tell(messages: Messages): Messages | undefined {
    const { sent, perSecond } = this.#told;
    if (messages.sent === sent && messages.perSecond === perSecond) return undefined;
    this.#told = messages;
    return messages;
  }
}
