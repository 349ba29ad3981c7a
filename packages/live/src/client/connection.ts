import { applyUpdate, initialState, LIVE_SCHEMA } from '../state.js';
import type { LiveState, LiveUpdate } from '../state.js';

/** Longer silence than this is a lost connection: the server says every 2 s that it is there. */
const SILENCE_MS = 7000;
/** After how long a closed connection is opened again, ms. */
const RETRY_MS = 1000;

/** What the connection to the run tells the page. */
export interface ConnectionListener {
  /** The state has changed; it is the same object until another run has begun. */
  onState(state: LiveState): void;
  onConnected(connected: boolean): void;
}

type Snapshot = LiveState & { readonly schema: string; readonly page: string };

/** Follows a run at `/events`, again and again when the connection is lost. */
export class Connection {
  readonly #listener: ConnectionListener;
  #state: LiveState = initialState();
  #source: EventSource | undefined;
  #silence: number | undefined;

  constructor(listener: ConnectionListener) {
    this.#listener = listener;
    this.#open();
  }

  #open(): void {
    this.#source?.close();
    const source = new EventSource('/events');
    this.#source = source;
    source.addEventListener('snapshot', ({ data }: MessageEvent<string>) => {
      this.#takeSnapshot(JSON.parse(data) as Snapshot);
    });
    source.addEventListener('update', ({ data }: MessageEvent<string>) => {
      this.#heard();
      applyUpdate(this.#state, JSON.parse(data) as LiveUpdate);
      this.#listener.onState(this.#state);
    });
    source.addEventListener('alive', () => {
      this.#heard();
    });
    source.addEventListener('error', () => {
      this.#listener.onConnected(false);
      // The browser connects again by itself unless it was refused.
      if (source.readyState === EventSource.CLOSED) this.#openIn(RETRY_MS);
    });
    this.#openIn(SILENCE_MS);
  }

  #openIn(ms: number): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      this.#listener.onConnected(false);
      this.#open();
    }, ms);
  }

  #heard(): void {
    this.#listener.onConnected(true);
    this.#openIn(SILENCE_MS);
  }

  #takeSnapshot({ schema, page, ...state }: Snapshot): void {
    // A server of another version speaks of another page.
    if (schema !== LIVE_SCHEMA || page !== document.documentElement.dataset.version) {
      location.reload();
      return;
    }
    this.#state = state;
    this.#heard();
    this.#listener.onState(state);
  }
}
