import { InvariantError } from '@epemu/core';
import { movementId } from '@epemu/schedule';
import type { Direction } from '@epemu/schedule';
import { Arena } from './buffers.js';
import { consecutiveMessage } from './dispatch-messages.js';
import { HomeInbox, assertRows } from './inbox.js';
import { copyValues } from './messages.js';
import { SendStep } from './sending.js';
import type { ExchangeHost, Route } from './sending.js';

/** The output of a role's last layer on its way from one rank to its peer of the next role, or a gradient on its way back. */
export class HandOver {
  readonly #host: ExchangeHost;
  readonly #exchange: number;
  readonly #stream: number;
  readonly #inbox: HomeInbox;
  #sender: number | undefined;

  /** @param stream of the credit window. */
  constructor(host: ExchangeHost, exchange: number, stream: number) {
    this.#host = host;
    this.#exchange = exchange;
    this.#stream = stream;
    this.#inbox = new HomeInbox(new Arena(host.buffers), 1);
  }

  /** Sends rows [tokens × lanes] to a rank. Resolves when their memory is free. */
  async send(peer: number, direction: Direction, vectors: Float32Array, tokens: number, lanes: number): Promise<void> {
    const route: Route = {
      movement: movementId({ exchange: this.#exchange, direction, type: 'dispatch' }),
      hop: 1,
      stream: this.#stream,
      rankOf: () => peer,
      deliverHere: () => undefined,
    };
    const step = new SendStep(this.#host, route);
    step.send(-1, tokens, lanes * 4, (arena, first, rows, last) =>
      consecutiveMessage(arena, first, { home: this.#host.member, first, rows, last, lanes }, vectors),
    );
    await step.finish();
  }

  /**
   * Waits for what the peer sends.
   * @returns rows [tokens × lanes]; their memory is the caller's to release.
   * @throws InvariantError when other rows came than are due.
   */
  async take(peer: number, tokens: number, lanes: number): Promise<Float32Array> {
    await this.#inbox.complete;
    if (this.#sender !== peer)
      throw new InvariantError(`rank ${String(this.#sender)} sent what rank ${peer} was to send`);
    assertRows(this.#inbox, 0, tokens, lanes);
    const rows = this.#host.buffers.float32(tokens * lanes);
    for (let message = this.#inbox.head(0); message !== undefined; message = message.next) {
      copyValues(message.slab.floats, message.vectorsAt, rows, message.first * lanes, message.rows * lanes);
    }
    this.#inbox.clear();
    return rows;
  }

  /** Takes in a message from the fabric. @throws InvariantError when it is malformed, or from a second sender. */
  receive(from: number, bytes: Uint8Array): void {
    this.#sender ??= from;
    if (from !== this.#sender) throw new InvariantError(`ranks ${this.#sender} and ${from} sent to one receiver`);
    this.#inbox.deliver(0, this.#inbox.keep(bytes));
  }

  /** Rejects who waits. */
  fail(error: Error): void {
    this.#inbox.fail(error);
  }
}
