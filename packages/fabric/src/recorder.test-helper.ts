import type { PeerLostError } from './errors.js';
import type { Receiver } from './fabric.js';
import type { Header, Payload } from './messages.js';

/** A receiver that keeps what it gets, for tests. */
export class Recorder implements Receiver {
  readonly headers: Header[] = [];
  /** With copies of the bytes: those given are not valid after release. */
  readonly payloads: Payload[] = [];
  /** Releases not yet called, oldest first. */
  readonly releases: (() => void)[] = [];
  readonly lost: PeerLostError[] = [];
  #waiting: { condition: () => boolean; resolve: () => void }[] = [];

  /** @param options `hold` keeps payloads unreleased; `inspect` sees each payload as it was given. */
  constructor(private readonly options: { hold?: boolean; inspect?: (payload: Payload) => void } = {}) {}

  onHeader(header: Header): void {
    this.headers.push(header);
    this.#check();
  }

  onPayload(payload: Payload, release: () => void): void {
    this.options.inspect?.(payload);
    this.payloads.push({ ...payload, bytes: payload.bytes.slice() });
    if (this.options.hold === true) this.releases.push(release);
    else release();
    this.#check();
  }

  onPeerLost(error: PeerLostError): void {
    this.lost.push(error);
    this.#check();
  }

  /** @returns when the condition holds; it is looked at whenever something comes. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ condition, resolve });
      this.#check();
    });
  }

  #check(): void {
    this.#waiting = this.#waiting.filter(({ condition, resolve }) => {
      if (!condition()) return true;
      resolve();
      return false;
    });
  }
}

/** @returns what a promise was rejected with; fails when it was not. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('the promise was not rejected');
}

/** @returns bytes that differ along their length, so that a shift or a swap shows. */
export function pattern(length: number, seed = 0): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (Math.imul(i + seed, 0x9e3779b1) >>> 24) & 0xff;
  return bytes;
}
