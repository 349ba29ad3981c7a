import type { Endpoint } from '@epemu/fabric';
import type { Topology } from '../topology.js';
import { Arena } from './buffers.js';
import type { BufferPool } from './buffers.js';
import type { TokenMessage } from './messages.js';

/** Token messages are cut so that one stays near this size, whatever the payload's width. */
const MESSAGE_BYTES = 1 << 18;

/** What an exchange needs of its rank. */
export interface ExchangeHost {
  /** Its place in its group, by which exchanges know ranks. */
  readonly member: number;
  readonly topology: Topology;
  readonly endpoint: Endpoint;
  readonly buffers: BufferPool;
  /** Reports a failure that happened while serving others. */
  fail(error: unknown): void;
}

/** Where the messages of a step go. */
export interface Route {
  /** See {@link movementId}. */
  readonly movement: number;
  readonly hop: number;
  /** Stream of the credit window. */
  readonly stream: number;
  /** The rank that a destination is. */
  rankOf(to: number): number;
  /** Takes what this rank sends itself. @returns when the message's memory is free, undefined for at once. */
  deliverHere(message: TokenMessage): Promise<void> | undefined;
}

/** Builds the message of rows `first` to `first + rows` in memory of the arena. */
export type BuildMessage = (arena: Arena, first: number, rows: number, last: boolean) => TokenMessage;

/** Sends a message on, or hands it over where it is for this rank itself. @returns when its memory is free. */
export function post(host: ExchangeHost, route: Route, to: number, message: TokenMessage): Promise<void> | undefined {
  if (to === host.member) return route.deliverHere(message);
  const { movement, hop, stream } = route;
  const { first: sequence, bytes } = message;
  return host.endpoint.sendPayload({ to: route.rankOf(to), movement, hop, stream, sequence, bytes });
}

/**
 * The sends of one step of a collective. Lists that fit one message are built and posted at once and share an arena;
 * of a longer one the next message is built when the one before was accepted, so that no more than one is held.
 */
export class SendStep {
  readonly #host: ExchangeHost;
  readonly #route: Route;
  readonly #arena: Arena;
  /** A fabric gives the same promise for all that need not wait. */
  readonly #pending = new Set<Promise<void>>();

  constructor(host: ExchangeHost, route: Route) {
    this.#host = host;
    this.#route = route;
    this.#arena = new Arena(host.buffers);
  }

  /** Sends `total` rows of about `bytesPerRow`: at least one message, the last one marked. */
  send(to: number, total: number, bytesPerRow: number, build: BuildMessage): void {
    const most = Math.max(1, Math.floor(MESSAGE_BYTES / Math.max(1, bytesPerRow)));
    const sent =
      total <= most
        ? post(this.#host, this.#route, to, build(this.#arena, 0, total, true))
        : this.#sendInTurn(to, total, most, build);
    if (sent !== undefined) this.#pending.add(sent);
  }

  /**
   * To be called after the last {@link send}, before anything is awaited.
   * @returns when the memory of all messages is free, and given back. A failure is reported to the host as well: who
   * waits for something else must hear of it.
   */
  finish(): Promise<void> {
    const finished = Promise.all(this.#pending).then(() => {
      this.#arena.release();
    });
    finished.catch((error: unknown) => {
      this.#host.fail(error);
    });
    return finished;
  }

  async #sendInTurn(to: number, total: number, most: number, build: BuildMessage): Promise<void> {
    const arena = new Arena(this.#host.buffers);
    for (let first = 0; first < total; first += most) {
      const rows = Math.min(most, total - first);
      await post(this.#host, this.#route, to, build(arena, first, rows, first + rows === total));
      arena.release();
    }
  }
}
