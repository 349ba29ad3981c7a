import { InvariantError } from '@epemu/core';
import { movementId } from '@epemu/schedule';
import type { Direction } from '@epemu/schedule';
import { Arena } from './buffers.js';
import { assertRoutable, consecutiveMessage, pairMessage, pairsByRank } from './dispatch-messages.js';
import type { Pairs, Routed } from './dispatch-messages.js';
import type { Incoming } from './exchange.js';
import { HomeInbox, assertRows } from './inbox.js';
import { homeOf } from './messages.js';
import { arrangeReceived } from './received.js';
import type { ReceivedTokens } from './received.js';
import { SendStep } from './sending.js';
import type { ExchangeHost, Route } from './sending.js';
import { addRows } from './sums.js';

/**
 * The real tokens of one (layer, micro-batch) in low-latency mode: each (token, expert) pair goes straight to the
 * expert's rank, and its result straight back.
 */
export class LowLatencyExchange {
  readonly #host: ExchangeHost;
  readonly #exchange: number;
  readonly #stream: number;
  /** By home rank. */
  readonly #experts: HomeInbox;
  /** By the experts' rank. */
  readonly #home: HomeInbox;
  #pairs: Pairs | undefined;
  #tokens = 0;
  #received: ReceivedTokens | undefined;

  /**
   * @param exchange its index in the program.
   * @param stream of the credit window; exchanges that run side by side have streams of their own.
   */
  constructor(host: ExchangeHost, exchange: number, stream: number) {
    this.#host = host;
    this.#exchange = exchange;
    this.#stream = stream;
    this.#experts = new HomeInbox(new Arena(host.buffers), host.topology.ranks);
    this.#home = new HomeInbox(new Arena(host.buffers), host.topology.ranks);
  }

  /**
   * Dispatches (token, expert) pairs.
   * @returns what this rank's experts received, one row a pair; its memory is the caller's to release.
   */
  async dispatch(routed: Routed, vectors: Float32Array, lanes: number): Promise<ReceivedTokens> {
    assertRoutable(routed);
    const { topology, member, buffers } = this.#host;
    const pairs = pairsByRank(topology, routed);
    this.#tokens = routed.layout.tokens;
    this.#pairs = pairs;
    const step = new SendStep(this.#host, this.#route('dispatch'));
    for (const to of [...topology.others(member), member]) {
      const offset = pairs.offsets[to];
      step.send(to, pairs.offsets[to + 1] - offset, lanes * 4 + 12, (arena, first, rows, last) =>
        pairMessage(arena, routed, pairs, offset + first, { home: member, first, rows, last, lanes }, vectors),
      );
    }
    const sent = step.finish();
    await this.#experts.complete;
    await sent;
    this.#received = arrangeReceived(this.#experts, topology.expertsOf(member), lanes, buffers);
    this.#experts.clear();
    return this.#received;
  }

  /**
   * Sends results home, where they are reduced in ascending order of rank.
   * @param partial [received rows × lanes].
   * @returns sums for this rank's own tokens, [tokens × lanes]; their memory is the caller's to release.
   */
  async combine(_direction: Direction, partial: Float32Array, lanes: number): Promise<Float32Array> {
    const { topology, member, buffers } = this.#host;
    const { homeOffsets } = this.#received!;
    const step = new SendStep(this.#host, this.#route('combine'));
    for (const home of [...topology.others(member), member]) {
      const offset = homeOffsets[home];
      step.send(home, homeOffsets[home + 1] - offset, lanes * 4, (arena, first, rows, last) =>
        consecutiveMessage(arena, offset + first, { home, first, rows, last, lanes }, partial),
      );
    }
    const sent = step.finish();
    await this.#home.complete;
    await sent;
    const combined = buffers.float32(this.#tokens * lanes).fill(0);
    const sums = { values: combined, at: 0, firstRow: 0 };
    const { offsets, tokens } = this.#pairs!;
    for (let source = 0; source < topology.ranks; source++) {
      const offset = offsets[source];
      const rows = offsets[source + 1] - offset;
      assertRows(this.#home, source, rows, lanes);
      addRows(sums, tokens, offset, this.#home.head(source), 0, rows);
    }
    this.#home.clear();
    return combined;
  }

  /**
   * Takes in a message from the fabric, or one that this rank sends itself. Its bytes are free at once.
   * @throws InvariantError when it is malformed, or not due here and now.
   */
  receive({ type, from, bytes }: Incoming): undefined {
    const due = type === 'dispatch' ? from : this.#host.member;
    if (homeOf(bytes) !== due) {
      throw new InvariantError(`rank ${from} sent rows of rank ${homeOf(bytes)} where those of rank ${due} were due`);
    }
    const inbox = type === 'dispatch' ? this.#experts : this.#home;
    inbox.deliver(from, inbox.keep(bytes));
    return undefined;
  }

  /** Rejects everything that is waited for. */
  fail(error: Error): void {
    this.#experts.fail(error);
    this.#home.fail(error);
  }

  #route(type: 'dispatch' | 'combine'): Route {
    const { member } = this.#host;
    return {
      movement: movementId({ exchange: this.#exchange, direction: 'forward', type }),
      hop: 1,
      stream: this.#stream,
      rankOf: (to) => this.#host.topology.rankOf(to),
      deliverHere: (message) => {
        this.receive({ type, direction: 'forward', hop: 1, from: member, bytes: message.bytes });
      },
    };
  }
}
