import { denseLayerCount, routerShapeOf } from '@epemu/config';
import type { Configuration, MicroBatch } from '@epemu/config';
import type { ComputePool, NumericsResult, TaskTiming } from '@epemu/compute';
import { deferred } from '@epemu/core';
import type { Deferred } from '@epemu/core';
import type { Payload } from '@epemu/fabric';
import type { Operation, Program } from '@epemu/schedule';
import type { RankRecord } from '@epemu/timeline';
import { buildLayout } from '../layout.js';
import type { SendLayout } from '../layout.js';
import { movementId, movementOf } from './address.js';
import type { Movement } from './address.js';
import { NormalExchange } from './exchange.js';
import type { Routed } from './dispatch-messages.js';
import { Layouts, layerKey } from './layouts.js';
import { LowLatencyExchange } from './low-latency-exchange.js';
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

/** The sums that end up in the report. */
export interface NumericsTotals {
  tokensChecked: number;
  missing: number;
  duplicated: number;
  wrong: number;
  maxRelativeError: number;
}

/**
 * The real tokens of one rank: its routing, its exchanges, its received rows, and its share of the arithmetic. It
 * never waits for virtual time.
 */
export class TokenPlane {
  readonly #host: TokenHost;
  /** By layer and micro-batch, see {@link layerKey}. */
  readonly #exchanges = new Map<number, NormalExchange | LowLatencyExchange>();
  readonly #layouts: Layouts;
  readonly #arrived = new Map<number, Deferred<undefined>>();
  readonly #lowLatency: boolean;
  #failure: Error | undefined;
  readonly numerics: NumericsTotals = { tokensChecked: 0, missing: 0, duplicated: 0, wrong: 0, maxRelativeError: 0 };

  constructor(host: TokenHost) {
    this.#host = host;
    this.#layouts = new Layouts(host.program);
    const { phases } = host.configuration.schedule;
    this.#lowLatency = phases.some((phase) => phase.collective?.mode === 'low-latency');
  }

  get host(): TokenHost {
    return this.#host;
  }

  /** Values a token carries; 0 without payload. */
  get hidden(): number {
    const { payload } = this.#host.configuration;
    return payload.kind === 'none' ? 0 : payload.hidden;
  }

  /** @returns the layout of a (layer, micro-batch) once it is routed; to be asked for once a dispatch of it. */
  layout(layer: number, microBatch: number): Promise<SendLayout> {
    return this.#layouts.take(layer, microBatch);
  }

  /** Resolves when the tokens of an operation's collective have arrived here. */
  async tokensArrived(operation: Operation): Promise<void> {
    const { layer, microBatch, direction, collective } = operation;
    if (collective === undefined || collective.mode === 'pipeline') return;
    await this.#arrival({ layer, microBatch, direction, type: collective.type }).promise;
  }

  /**
   * Takes in a payload from the fabric.
   * @throws InvariantError when it is malformed or not due.
   */
  receive({ operation, hop, from, bytes }: Payload, release: () => void): void {
    const { layer, microBatch, direction, type } = movementOf(operation);
    const later = this.exchange(layer, microBatch).receive({ type, direction, hop, from, bytes });
    if (later === undefined) {
      release();
      return;
    }
    later.then(release).catch((error: unknown) => {
      this.#host.fail(error);
    });
  }

  /** Routes a micro-batch for a layer in a compute thread. @returns arrays whose memory is the caller's to release. */
  async route(layer: number, microBatch: number): Promise<Routed> {
    const { configuration, rank, topology, pool, microBatches, buffers } = this.#host;
    const { model, routing, seed } = configuration;
    const { tokens } = microBatches[microBatch];
    const expertIds = buffers.uint16(tokens * model.topK);
    const weights = buffers.float32(tokens * model.topK);
    const timing = await pool.route({
      request: {
        kind: routing,
        seed,
        layer,
        microBatch,
        rank,
        tokens,
        shape: routerShapeOf(configuration),
      },
      expertIds,
      weights,
    });
    this.#host.onTask('route', timing);
    const layout = buildLayout(topology, tokens, model.topK, expertIds);
    this.#layouts.put(layer, microBatch, layout);
    return { layout, topK: model.topK, expertIds, weights };
  }

  /** Moves tokens to the experts, and notes what each expert received. */
  async dispatch(layer: number, microBatch: number, routed: Routed, vectors: Float32Array): Promise<ReceivedTokens> {
    const received = await this.exchange(layer, microBatch).dispatch(routed, vectors, this.hidden);
    if (layer >= 0 && layer < this.#host.configuration.layers) {
      const first = this.#host.rank * this.#host.topology.expertsPerRank;
      received.expertHashes.forEach((words, expert) => {
        const rows = received.expertOffsets[expert + 1] - received.expertOffsets[expert];
        this.#host.record.expertHashes.push(layer, microBatch, first + expert, rows, ...words);
      });
    }
    this.markArrived({ layer, microBatch, direction: 'forward', type: 'dispatch' });
    return received;
  }

  /** Lets the operations that wait for a movement go on. */
  markArrived(movement: Movement): void {
    this.#arrival(movement).resolve(undefined);
  }

  /** @returns the exchange of a (layer, micro-batch). */
  exchange(layer: number, microBatch: number): NormalExchange | LowLatencyExchange {
    const key = layerKey(layer, microBatch);
    let exchange = this.#exchanges.get(key);
    if (exchange === undefined) {
      exchange = new (this.#lowLatency ? LowLatencyExchange : NormalExchange)(this.#host, layer, microBatch);
      if (this.#failure !== undefined) exchange.fail(this.#failure);
      this.#exchanges.set(key, exchange);
    }
    return exchange;
  }

  /** Lets go of a layer's tokens when nothing comes back to them. */
  forget(layer: number, microBatch: number): void {
    this.#exchanges.delete(layerKey(layer, microBatch));
  }

  /** @returns whether a layer's tokens are compared with the reference: the first and the last MoE layer of the run. */
  checks(layer: number): boolean {
    const { configuration } = this.#host;
    return layer === denseLayerCount(configuration) || layer === configuration.layers - 1;
  }

  /** Adds a check's outcome to the rank's totals. */
  count(result: NumericsResult): void {
    const { numerics } = this;
    numerics.tokensChecked += result.tokensChecked;
    numerics.missing += result.missing;
    numerics.duplicated += result.duplicated;
    numerics.wrong += result.wrong;
    numerics.maxRelativeError = Math.max(numerics.maxRelativeError, result.maxRelativeError);
  }

  /** Rejects everything that is waited for. */
  fail(error: Error): void {
    this.#failure = error;
    for (const exchange of this.#exchanges.values()) exchange.fail(error);
    this.#layouts.fail(error);
    for (const slot of this.#arrived.values()) slot.reject(error);
  }

  #arrival(movement: Movement): Deferred<undefined> {
    const key = movementId(movement);
    let slot = this.#arrived.get(key);
    if (slot === undefined) {
      slot = deferred<undefined>();
      if (this.#failure !== undefined) slot.reject(this.#failure);
      this.#arrived.set(key, slot);
    }
    return slot;
  }
}
