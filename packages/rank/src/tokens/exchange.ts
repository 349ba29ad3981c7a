import { InvariantError, lowerBound } from '@epemu/core';
import { movementId } from '@epemu/schedule';
import type { Direction } from '@epemu/schedule';
import { Arena } from './buffers.js';
import { assertRoutable, consecutiveMessage, routedMessage, selectedMessage } from './dispatch-messages.js';
import type { Routed } from './dispatch-messages.js';
import { ForwardMap } from './forwarding.js';
import { HomeInbox, assertRows } from './inbox.js';
import { NO_ROUTING, homeOf, messageOver, newMessage } from './messages.js';
import type { TokenMessage } from './messages.js';
import { arrangeReceived, gatherVectors } from './received.js';
import type { ReceivedTokens } from './received.js';
import { SendStep, post } from './sending.js';
import type { BuildMessage, ExchangeHost, Route } from './sending.js';
import { addRows } from './sums.js';

/** A message as it comes from the fabric. */
export interface Incoming {
  readonly type: 'dispatch' | 'combine';
  readonly direction: Direction;
  readonly hop: number;
  readonly from: number;
  readonly bytes: Uint8Array;
}

/** Inboxes of one direction: what comes for this rank's experts, for reduction here, and back home. */
interface Inboxes {
  readonly experts: HomeInbox;
  /** By home rank: partial results of the node's GPUs, by their index. */
  readonly reductions: ReadonlyMap<number, HomeInbox>;
  /** By node. */
  readonly home: HomeInbox;
}

/**
 * The real tokens of one (layer, micro-batch) in normal mode, as one rank sees them: it sends its own, forwards its
 * column's, receives its experts', and brings the results back the same way.
 */
export class NormalExchange {
  readonly #host: ExchangeHost;
  readonly #exchange: number;
  readonly #stream: number;
  readonly #forwarding: ForwardMap;
  readonly #inboxes = new Map<Direction, Inboxes>();
  #failure: Error | undefined;
  #routed: Routed | undefined;
  #received: ReceivedTokens | undefined;

  /**
   * @param exchange its index in the program.
   * @param stream of the credit window; exchanges that run side by side have streams of their own.
   */
  constructor(host: ExchangeHost, exchange: number, stream: number) {
    this.#host = host;
    this.#exchange = exchange;
    this.#stream = stream;
    this.#forwarding = new ForwardMap(host.topology, host.topology.nodeOf(host.member));
  }

  /**
   * Dispatches tokens with their routing.
   * @returns what this rank's experts received; its memory is the caller's to release.
   */
  async dispatch(routed: Routed, vectors: Float32Array, lanes: number): Promise<ReceivedTokens> {
    assertRoutable(routed);
    this.#routed = routed;
    const { topology, member, buffers } = this.#host;
    const { experts } = this.#inboxesOf('forward');
    const sent = this.#sendNodes('forward', lanes, (node) => (arena, first, rows, last) => {
      const chunk = { home: member, first, rows, last, lanes };
      return routedMessage(arena, routed, node, chunk, vectors);
    });
    await experts.complete;
    await sent;
    this.#received = arrangeReceived(experts, topology.expertsOf(member), lanes, buffers);
    experts.clear();
    return this.#received;
  }

  /**
   * Dispatches vectors over the layout of the forward dispatch.
   * @returns vectors in the order it received rows; their memory is the caller's to release.
   */
  async dispatchCached(vectors: Float32Array, lanes: number): Promise<Float32Array> {
    const { experts } = this.#inboxesOf('backward');
    const sent = this.#sendNodes('backward', lanes, (node) => {
      const { tokens } = this.#routed!.layout.nodes[node];
      return (arena, first, rows, last) =>
        selectedMessage(arena, tokens, { home: this.#host.member, first, rows, last, lanes }, vectors);
    });
    await experts.complete;
    await sent;
    const gathered = gatherVectors(experts, this.#received!.homeOffsets, lanes, this.#host.buffers);
    experts.clear();
    return gathered;
  }

  /**
   * Brings results back, reduced at each hop in ascending order of rank and node.
   * @param partial [received rows × lanes].
   * @returns sums for this rank's own tokens, [tokens × lanes]; their memory is the caller's to release.
   */
  async combine(direction: Direction, partial: Float32Array, lanes: number): Promise<Float32Array> {
    const { topology, member, buffers } = this.#host;
    const offsets = this.#received!.homeOffsets;
    const { home: inbox } = this.#inboxesOf(direction);
    const reductions = topology.column(member).map((home) => this.#reduce(direction, home, lanes));
    const step = new SendStep(this.#host, this.#route('combine', direction, 1));
    for (const home of [...topology.others(member), member]) {
      const forwarder = topology.memberAt(topology.nodeOf(member), topology.localIndexOf(home));
      const offset = offsets[home];
      step.send(forwarder, offsets[home + 1] - offset, lanes * 4, (arena, first, rows, last) =>
        consecutiveMessage(arena, offset + first, { home, first, rows, last, lanes }, partial),
      );
    }
    const done = Promise.all([step.finish(), ...reductions]);
    done.catch(() => undefined);
    await inbox.complete;
    await done;
    const { nodes, tokens } = this.#routed!.layout;
    const combined = buffers.float32(tokens * lanes).fill(0);
    nodes.forEach((share, node) => {
      const rows = share.tokens.length;
      assertRows(inbox, node, rows, lanes);
      addRows({ values: combined, at: 0, firstRow: 0 }, share.tokens, 0, inbox.head(node), 0, rows);
    });
    inbox.clear();
    return combined;
  }

  /**
   * Takes in a message from the fabric, or one that this rank sends itself.
   * @returns when its bytes are free, undefined for at once.
   * @throws InvariantError when it is malformed, or not due here and now.
   */
  receive({ type, direction, hop, from, bytes }: Incoming): Promise<void> | undefined {
    const { topology, member } = this.#host;
    const inboxes = this.#inboxesOf(direction);
    if (type === 'combine') {
      const home = homeOf(bytes);
      const inbox = hop === 1 ? inboxes.reductions.get(home) : inboxes.home;
      if (inbox === undefined || (hop === 2 && home !== member)) {
        throw new InvariantError(`rank ${from} sent rows of rank ${home} to reduce elsewhere`);
      }
      inbox.deliver(hop === 1 ? topology.localIndexOf(from) : topology.nodeOf(from), inbox.keep(bytes));
      return undefined;
    }
    const due = hop === 1 ? from : topology.memberAt(topology.nodeOf(homeOf(bytes)), topology.localIndexOf(from));
    if (homeOf(bytes) !== due) {
      throw new InvariantError(`rank ${from} sent rows of rank ${homeOf(bytes)}, which it does not forward`);
    }
    // What is forwarded at once may be read in place; what is kept must be copied out of the fabric's buffer.
    if (hop === 1) return this.#forward(direction, messageOver(bytes));
    inboxes.experts.deliver(due, inboxes.experts.keep(bytes));
    return undefined;
  }

  /** Rejects everything that is waited for, now and later. */
  fail(error: Error): void {
    this.#failure = error;
    for (const inboxes of this.#inboxes.values()) failAll(inboxes, error);
  }

  #inboxesOf(direction: Direction): Inboxes {
    let inboxes = this.#inboxes.get(direction);
    if (inboxes === undefined) {
      const { topology, member, buffers } = this.#host;
      const inbox = (senders: number): HomeInbox => new HomeInbox(new Arena(buffers), senders);
      inboxes = {
        experts: inbox(topology.ranks),
        reductions: new Map(topology.column(member).map((home) => [home, inbox(topology.nodeSize)] as const)),
        home: inbox(topology.nodes),
      };
      if (this.#failure !== undefined) failAll(inboxes, this.#failure);
      this.#inboxes.set(direction, inboxes);
    }
    return inboxes;
  }

  #route(type: 'dispatch' | 'combine', direction: Direction, hop: number): Route {
    const { member } = this.#host;
    return {
      movement: movementId({ exchange: this.#exchange, direction, type }),
      hop,
      stream: this.#stream,
      rankOf: (to) => this.#host.topology.rankOf(to),
      deliverHere: (message) =>
        type === 'dispatch' && hop === 1
          ? this.#forward(direction, message)
          : this.receive({ type, direction, hop, from: member, bytes: message.bytes }),
    };
  }

  /** Sends each node its rows, round-robin from the next node on; the own node last. */
  #sendNodes(direction: Direction, lanes: number, build: (node: number) => BuildMessage): Promise<void> {
    const { topology, member } = this.#host;
    const step = new SendStep(this.#host, this.#route('dispatch', direction, 1));
    for (const to of [...topology.columnPeers(member), member]) {
      const node = topology.nodeOf(to);
      // Routing adds some 12 bytes an entry; two entries a row is usual.
      step.send(to, this.#routed!.layout.nodes[node].tokens.length, lanes * 4 + 32, build(node));
    }
    return step.finish();
  }

  /** Splits a column peer's message over the node. All parts are posted before anything is awaited: order is kept. */
  async #forward(direction: Direction, message: TokenMessage): Promise<void> {
    const { topology, member, buffers } = this.#host;
    const arena = new Arena(buffers);
    const forwarding = this.#forwarding;
    const parts = direction === 'forward' ? forwarding.split(message, arena) : forwarding.splitCached(message, arena);
    const route = this.#route('dispatch', direction, 2);
    const node = topology.nodeOf(member);
    const posted = parts.map((part, local) => post(this.#host, route, topology.memberAt(node, local), part));
    await Promise.all(posted.filter((sent) => sent !== undefined));
    arena.release();
  }

  /** Sums up what the node's GPUs have of a home rank's rows, in ascending order of GPU, and sends it there. */
  async #reduce(direction: Direction, home: number, lanes: number): Promise<void> {
    const inbox = this.#inboxesOf(direction).reductions.get(home)!;
    await inbox.complete;
    const positions = Array.from({ length: inbox.senders }, (_, local) => this.#forwarding.positions(home, local));
    positions.forEach((list, local) => {
      assertRows(inbox, local, list.length, lanes);
    });
    const step = new SendStep(this.#host, this.#route('combine', direction, 2));
    step.send(home, this.#forwarding.rows(home), lanes * 4, (arena, first, rows, last) => {
      const message = newMessage(arena, { home, first, rows, last, lanes }, NO_ROUTING);
      const { floats } = message.slab;
      floats.fill(0, message.vectorsAt, message.endAt);
      const sums = { values: floats, at: message.vectorsAt, firstRow: first };
      positions.forEach((list, local) => {
        const from = lowerBound(list, first);
        addRows(sums, list, 0, inbox.head(local), from, lowerBound(list, first + rows));
      });
      return message;
    });
    await step.finish();
    inbox.clear();
  }
}

function failAll({ experts, reductions, home }: Inboxes, error: Error): void {
  for (const inbox of [experts, home, ...reductions.values()]) inbox.fail(error);
}
