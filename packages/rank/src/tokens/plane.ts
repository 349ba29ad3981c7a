import { denseLayerCount, routerShapeOf } from '@epemu/config';
import type { Configuration, MicroBatch } from '@epemu/config';
import type { CheckResult, ComputePool, TaskTiming, WeightKey } from '@epemu/compute';
import { InvariantError } from '@epemu/core';
import type { Payload } from '@epemu/fabric';
import type { Operation, Program } from '@epemu/schedule';
import type { RankRecord } from '@epemu/timeline';
import { buildLayout } from '../layout.js';
import type { SendLayout } from '../layout.js';
import { addNumerics, emptyNumerics } from '../numerics.js';
import { movementOf } from './address.js';
import type { ChainLayer } from './chains.js';
import { NormalExchange } from './exchange.js';
import type { Routed } from './dispatch-messages.js';
import { Layouts } from './layouts.js';
import { LowLatencyExchange } from './low-latency-exchange.js';
import { TokenProgram } from './program-run.js';
import type { ReceivedTokens } from './received.js';
import type { ExchangeHost } from './sending.js';

/** Kinds of compute task, as the host trace names them. */
export type TaskKind =
  'route' | 'expert forward' | 'expert backward' | 'residual forward' | 'residual backward' | 'initialise' | 'check';

/** What the token plane needs of its rank. */
export interface TokenHost extends ExchangeHost {
  readonly configuration: Configuration;
  readonly program: Program;
  readonly microBatches: readonly MicroBatch[];
  readonly pool: ComputePool;
  readonly record: RankRecord;
  /** Resolves when the rank's pace lets a row begin on the host. */
  rowBegins(row: number): Promise<void>;
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
  readonly #program: TokenProgram;
  #failure: Error | undefined;
  readonly numerics = emptyNumerics();

  constructor(host: TokenHost) {
    this.#host = host;
    this.#layouts = new Layouts(host.program);
    this.#program = new TokenProgram(this);
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

  /** Does the program's work on tokens. @throws the first failure of a message or a computation. */
  run(): Promise<void> {
    return this.#program.run();
  }

  /** @returns the layout of a dispatch once it is routed; to be asked for once a dispatch of it. */
  layout({ exchange }: Operation): Promise<SendLayout> {
    return this.#layouts.take(exchange!);
  }

  /** Resolves when an operation's work on tokens is done: those of its collective have arrived here. */
  async tokensArrived({ id }: Operation): Promise<void> {
    await this.#program.done(id);
  }

  /**
   * Takes in a payload from the fabric.
   * @throws InvariantError when it is malformed or not due.
   */
  receive({ operation, hop, from, bytes }: Payload, release: () => void): void {
    const { exchange, type, direction } = movementOf(operation);
    const later = this.exchange(exchange).receive({ type, direction, hop, from, bytes });
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
    const { configuration, rank, topology, pool, microBatches, buffers } = this.#host;
    const { model, routing: kind, seed } = configuration;
    const { tokens } = microBatches[microBatch];
    const expertIds = buffers.uint16(tokens * model.topK);
    const weights = buffers.float32(tokens * model.topK);
    const shape = routerShapeOf(configuration);
    const request = { kind, seed, layer, microBatch, rank, tokens, shape };
    this.#host.onTask('route', await pool.route({ request, expertIds, weights }));
    const layout = buildLayout(topology, tokens, model.topK, expertIds);
    this.#layouts.put(exchange!, layout);
    return { layout, topK: model.topK, expertIds, weights };
  }

  /** Moves tokens to the experts, and notes what each expert received. */
  async dispatch(exchange: number, routed: Routed, vectors: Float32Array): Promise<ReceivedTokens> {
    const received = await this.exchange(exchange).dispatch(routed, vectors, this.hidden);
    const { program, configuration, rank, topology, record } = this.#host;
    const { layer, microBatch } = program.exchanges[exchange];
    if (layer >= 0 && layer < configuration.layers) {
      const first = rank * topology.expertsPerRank;
      received.expertHashes.forEach((words, expert) => {
        const rows = received.expertOffsets[expert + 1] - received.expertOffsets[expert];
        record.expertHashes.push(layer, microBatch, first + expert, rows, ...words);
      });
    }
    return received;
  }

  /** Number of a micro-batch's first token on this rank: tokens are numbered over micro-batches and ranks, no two alike. */
  firstToken(microBatch: number): number {
    const { microBatches, configuration, rank } = this.#host;
    const most = Math.max(...microBatches.map(({ tokens }) => tokens));
    return (microBatch * configuration.ranks + rank) * most;
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

  /** @returns the weights of this rank's experts of a layer. */
  expertKeys(layer: number): WeightKey[] {
    const { rank, topology, configuration } = this.#host;
    const first = rank * topology.expertsPerRank;
    const { seed } = configuration;
    return Array.from({ length: topology.expertsPerRank }, (_, i) => ({
      seed,
      layer,
      kind: 'expert',
      index: first + i,
    }));
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

  /** Lets go of an exchange when nothing comes back over it. */
  forget(exchange: number): void {
    this.#exchanges.delete(exchange);
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
    for (const exchange of this.#exchanges.values()) exchange.fail(error);
    this.#layouts.fail(error);
    this.#program.fail(error);
  }
}
