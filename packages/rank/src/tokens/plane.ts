import { denseLayerCount, microBatchesOf, placementAt, routingRequestOf } from '@epemu/config';
import type { Configuration, MicroBatch, Role, RoutingCall } from '@epemu/config';
import type { CheckResult, ComputePool, TaskTiming, WeightKey } from '@epemu/compute';
import { InvariantError } from '@epemu/core';
import type { Payload } from '@epemu/fabric';
import { movementOf } from '@epemu/schedule';
import type { Operation, Program } from '@epemu/schedule';
import type { RankRecord } from '@epemu/timeline';
import { buildLayout } from '../layout.js';
import type { SendLayout } from '../layout.js';
import { addNumerics, emptyNumerics } from '../numerics.js';
import type { Chain, ChainLayer } from './chains.js';
import { NormalExchange } from './exchange.js';
import type { Routed } from './dispatch-messages.js';
import { HandOver } from './hand-over.js';
import { Layouts } from './layouts.js';
import { LowLatencyExchange } from './low-latency-exchange.js';
import type { ReceivedTokens } from './received.js';
import type { ExchangeHost } from './sending.js';

/** Kinds of compute task, as the host trace names them. */
export type TaskKind =
  'route' | 'expert forward' | 'expert backward' | 'residual forward' | 'residual backward' | 'initialise' | 'check';

/** What the token plane needs of its rank. */
export interface TokenHost extends ExchangeHost {
  readonly rank: number;
  readonly role: Role;
  readonly configuration: Configuration;
  readonly program: Program;
  /** By number; without tokens where the rank does not attend. */
  readonly microBatches: readonly MicroBatch[];
  readonly pool: ComputePool;
  readonly record: RankRecord;
  /** Resolves when the rank's pace lets a row begin on the host. */
  rowBegins(row: number): Promise<void> | undefined;
  onTask(kind: TaskKind, timing: TaskTiming): void;
}

/**
 * The real tokens of one rank: its routing, its exchanges, its received rows, and its share of the arithmetic. It
 * never waits for virtual time.
 */
export class TokenPlane {
  readonly #host: TokenHost;
  /** By index in the program. */
  readonly #exchanges = new Map<number, NormalExchange | LowLatencyExchange>();
  readonly #layouts: Layouts;
  #failure: Error | undefined;
  readonly #handOvers = new Map<number, HandOver>();
  /** Whether the rank has tokens of its own; one that only holds experts sends none to any. */
  readonly #attends: boolean;
  readonly #nothing: SendLayout;
  /** Tokens of the largest micro-batch of any rank. */
  readonly #mostTokens: number;
  readonly numerics = emptyNumerics();

  constructor(host: TokenHost) {
    this.#host = host;
    this.#layouts = new Layouts(host.program);
    this.#attends = host.program.operations.some(({ tokens }) => tokens.includes('attend'));
    this.#mostTokens = microBatchesOf(host.configuration).reduce((most, { tokens }) => Math.max(most, tokens), 0);
    this.#nothing = buildLayout(host.topology, 0, host.configuration.model.topK, new Uint16Array(0));
  }

  get host(): TokenHost {
    return this.#host;
  }

  /** Values a token carries; 0 without payload. */
  get hidden(): number {
    const { payload } = this.#host.configuration;
    return payload.kind === 'none' ? 0 : payload.hidden;
  }

  get hasSharedExperts(): boolean {
    return this.#host.configuration.model.sharedExperts > 0;
  }

  /** @returns the layout of a dispatch once it is routed; to be asked for once a dispatch of it. */
  layout({ exchange }: Operation): Promise<SendLayout> {
    return this.#attends ? this.#layouts.take(exchange!) : Promise.resolve(this.#nothing);
  }

  /**
   * Takes in a payload from the fabric.
   * @throws InvariantError when it is malformed or not due.
   */
  receive({ movement, hop, from, bytes }: Payload, release: () => void): void {
    const { exchange, type, direction } = movementOf(movement);
    if (this.#host.program.exchanges[exchange]?.mode === 'pipeline') {
      this.handOver(exchange).receive(from, bytes);
      release();
      return;
    }
    const member = this.#host.topology.memberOf(from);
    const later = this.exchange(exchange).receive({ type, direction, hop, from: member, bytes });
    if (later === undefined) {
      release();
      return;
    }
    later.then(release).catch((error: unknown) => {
      this.#host.fail(error);
    });
  }

  /** Routes a micro-batch for a layer in a compute thread. @returns arrays whose memory is the caller's to release. */
  async route({ layer, exchange }: ChainLayer, microBatch: number): Promise<Routed> {
    const { topology, member, role, configuration, buffers } = this.#host;
    const { topK } = configuration.model;
    const { tokens } = this.#host.microBatches[microBatch];
    const { group } = role;
    const { expertIds: chosenIds, weights } = await this.choose({ layer, microBatch, member, group, tokens });
    const placement = placementAt(configuration, group, layer);
    const expertIds = placement === undefined ? chosenIds : buffers.uint16(chosenIds.length);
    const { seed } = configuration;
    placement?.spread({ seed, layer, microBatch, rank: member, tokens, topK }, chosenIds, expertIds);
    const layout = buildLayout(topology, tokens, topK, expertIds);
    this.#layouts.put(exchange!, layout);
    return { layout, topK, expertIds, chosenIds, weights };
  }

  /** Gives the memory of a routing back. */
  releaseRouted({ expertIds, chosenIds, weights }: Routed): void {
    const { buffers } = this.#host;
    buffers.release(expertIds, weights);
    if (chosenIds !== expertIds) buffers.release(chosenIds);
  }

  /**
   * Chooses the experts of a member's tokens in a compute thread: the same whichever rank asks.
   * @returns arrays [tokens × topK] whose memory is the caller's to release.
   */
  async choose(call: RoutingCall): Promise<{ expertIds: Uint16Array; weights: Float32Array }> {
    const { configuration, pool, buffers } = this.#host;
    const rows = call.tokens * configuration.model.topK;
    const expertIds = buffers.uint16(rows);
    const weights = buffers.float32(rows);
    const request = routingRequestOf(configuration, call);
    this.#host.onTask('route', await pool.route({ request, expertIds, weights }));
    return { expertIds, weights };
  }

  /** @returns what a rank without tokens of its own sends to experts. */
  get nothingRouted(): Routed {
    const { topK } = this.#host.configuration.model;
    const none = new Uint16Array(0);
    return { layout: this.#nothing, topK, expertIds: none, chosenIds: none, weights: new Float32Array(0) };
  }

  /** Moves tokens to the experts, and notes what each expert received. */
  async dispatch(exchange: number, routed: Routed, vectors: Float32Array): Promise<ReceivedTokens> {
    const received = await this.exchange(exchange).dispatch(routed, vectors, this.hidden);
    const { program, configuration, member, topology, record } = this.#host;
    const { layer, microBatch } = program.exchanges[exchange];
    if (layer >= 0 && layer < configuration.layers) {
      const { first } = topology.expertsOf(member);
      received.expertHashes.forEach((words, expert) => {
        const rows = received.expertOffsets[expert + 1] - received.expertOffsets[expert];
        record.expertHashes.push(layer, microBatch, first + expert, rows, ...words);
      });
    }
    return received;
  }

  /** Number of a micro-batch's first token on a rank: tokens are numbered over micro-batches and ranks, no two alike. */
  firstToken(microBatch: number, rank = this.#host.rank): number {
    return (microBatch * this.#host.configuration.ranks + rank) * this.#mostTokens;
  }

  /** @returns first activations, or gradients of the loss, [tokens × hidden]. */
  async initialise(kind: 'activation' | 'gradient', microBatch: number): Promise<Float32Array> {
    const { microBatches, configuration, buffers, pool } = this.#host;
    const output = buffers.float32(microBatches[microBatch].tokens * this.hidden);
    if (this.hidden === 0) return output;
    const firstToken = this.firstToken(microBatch);
    const timing = await pool.initialise({ seed: configuration.seed, kind, firstToken, output });
    this.#host.onTask('initialise', timing);
    return output;
  }

  /** Sends what a chain came to, [tokens × hidden], to the peer of another role. Resolves when its memory is free. */
  async send(exchange: number, peerRole: number, { microBatch, direction }: Chain, rows: Float32Array): Promise<void> {
    const { tokens } = this.#host.microBatches[microBatch];
    const peer = this.#peerOf(peerRole);
    await this.handOver(exchange).send(peer, direction, rows, tokens, this.hidden);
    this.forget(exchange);
  }

  /** @returns what the peer of another role sent, [tokens × hidden]; its memory is the caller's to release. */
  async take(exchange: number, peerRole: number, { microBatch }: Chain): Promise<Float32Array> {
    const { tokens } = this.#host.microBatches[microBatch];
    const rows = await this.handOver(exchange).take(this.#peerOf(peerRole), tokens, this.hidden);
    this.forget(exchange);
    return rows;
  }

  /** The rank at the other end: as many places into the other role's ranks as this one into its own. */
  #peerOf(role: number): number {
    const { program, role: own, rank } = this.#host;
    return program.roles[role].ranks[own.ranks.indexOf(rank)];
  }

  /** @returns the weights of this rank's experts of a layer. */
  expertKeys(layer: number): WeightKey[] {
    const { member, role, topology, configuration } = this.#host;
    const { first, count } = topology.expertsOf(member);
    const { seed } = configuration;
    const placement = placementAt(configuration, role.group, layer);
    return Array.from({ length: count }, (_, i) => {
      return { seed, layer, kind: 'expert', index: placement?.expertAt(first + i) ?? first + i };
    });
  }

  /** @returns an exchange by its index in the program. @throws InvariantError where there is none. */
  exchange(index: number): NormalExchange | LowLatencyExchange {
    let exchange = this.#exchanges.get(index);
    if (exchange === undefined) {
      const known = this.#host.program.exchanges[index];
      if (known === undefined) throw new InvariantError(`tokens of exchange ${index} came, which the program lacks`);
      const Exchange = known.mode === 'normal' ? NormalExchange : LowLatencyExchange;
      exchange = new Exchange(this.#host, index, known.place);
      if (this.#failure !== undefined) exchange.fail(this.#failure);
      this.#exchanges.set(index, exchange);
    }
    return exchange;
  }

  /** @returns what passes between this rank and its peer of another role, by the exchange's index in the program. */
  handOver(index: number): HandOver {
    let handOver = this.#handOvers.get(index);
    if (handOver === undefined) {
      handOver = new HandOver(this.#host, index, this.#host.program.exchanges[index].place);
      if (this.#failure !== undefined) handOver.fail(this.#failure);
      this.#handOvers.set(index, handOver);
    }
    return handOver;
  }

  /** Lets go of an exchange when nothing comes back over it. */
  forget(exchange: number): void {
    this.#exchanges.delete(exchange);
    this.#handOvers.delete(exchange);
  }

  /** @returns whether a layer's tokens are compared with the reference: the first and the last MoE layer of the run. */
  checks(layer: number): boolean {
    const { configuration } = this.#host;
    return layer === denseLayerCount(configuration) || layer === configuration.layers - 1;
  }

  /** Adds a check's outcome to the rank's totals. */
  countCheck({ numerics, timing }: CheckResult): void {
    this.#host.onTask('check', timing);
    addNumerics(this.numerics, numerics);
  }

  /** Rejects everything that is waited for. */
  fail(error: Error): void {
    this.#failure = error;
    for (const exchange of [...this.#exchanges.values(), ...this.#handOvers.values()]) exchange.fail(error);
    this.#layouts.fail(error);
  }
}
