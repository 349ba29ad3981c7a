import type { WeightKey, WeightKind } from '@epemu/compute';
import type { BufferPool } from './buffers.js';
import type { Chain } from './chains.js';
import type { NormalExchange } from './exchange.js';
import type { ForwardWork } from './forward.js';
import { addRowsTo } from './layer-tokens.js';
import type { LayerTokens } from './layer-tokens.js';
import type { TokenPlane } from './plane.js';
import { releaseReceived } from './received.js';

/** The gradients of one micro-batch back through a rank's layers, over what its forward kept. */
export class BackwardWork {
  readonly #plane: TokenPlane;
  readonly #chain: Chain;
  readonly #forward: ForwardWork;
  readonly #places: ReadonlyMap<number, number>;
  readonly #states = new Map<number, LayerTokens>();
  /** Gradient of a layer's output, by layer, until the layer takes it. */
  readonly #gradients = new Map<number, Promise<Float32Array>>();
  /** Gradient of the first layer's input, until it is handed on. */
  #output: Float32Array | undefined;

  constructor(plane: TokenPlane, chain: Chain, forward: ForwardWork) {
    this.#plane = plane;
    this.#chain = chain;
    this.#forward = forward;
    this.#places = new Map(chain.layers.map(({ layer }, place) => [layer, place]));
  }

  /** Sends the gradient to the experts; the combine of the forward, backward. */
  async dispatch(layer: number): Promise<void> {
    const { hidden } = this.#plane;
    const state = await this.#state(layer);
    if (hidden === 0) return;
    state.arrived = await this.#exchange(layer).dispatchCached(state.gradient!, hidden);
  }

  async experts(layer: number): Promise<void> {
    const { host, hidden } = this.#plane;
    const state = await this.#state(layer);
    const { topK } = state.routed!;
    const received = state.received!;
    if (hidden === 0) return;
    state.partial = this.#buffers.float32(received.rows * (hidden + 1 + topK));
    const timing = await host.pool.expertBackward({
      keys: this.#plane.expertKeys(layer),
      tokens: received.vectors,
      rowToken: received.rowOfEntry,
      rowWeight: received.weightOfEntry,
      rowSlot: received.slotOfEntry,
      expertOffsets: received.expertOffsets,
      gradient: state.arrived!,
      topK,
      partial: state.partial,
    });
    host.onTask('expert backward', timing);
    this.#buffers.release(state.arrived!);
    delete state.arrived;
  }

  /** Brings the gradients of the tokens back; the dispatch of the forward, backward. */
  async combine(layer: number): Promise<void> {
    const { host, hidden } = this.#plane;
    const state = await this.#state(layer);
    if (hidden === 0) return;
    const { topK, chosenIds: expertIds, weights } = state.routed!;
    state.combined = await this.#exchange(layer).combine('backward', state.partial!, hidden + 1 + topK);
    this.#buffers.release(state.partial!);
    delete state.partial;
    if (!this.#plane.checks(layer)) return;
    const { attended, gradient, combined } = state;
    const { seed } = host.configuration;
    const task = { seed, layer, input: attended!, gradient: gradient!, expertIds, weights, topK, returned: combined };
    this.#plane.countCheck(await host.pool.checkBackward(task));
  }

  async shared(layer: number): Promise<void> {
    const state = await this.#state(layer);
    state.sum = await this.#residual('shared', layer, state.attended!, state.gradient!);
  }

  async dense(layer: number): Promise<void> {
    const state = await this.#state(layer);
    state.sum = await this.#residual('dense', layer, state.attended!, state.gradient!);
  }

  /** The last of a layer: its gradient is then that of the output of the layer before. */
  async attend(layer: number): Promise<void> {
    const { hidden } = this.#plane;
    const state = await this.#state(layer);
    const { gradient, sum, combined, routed } = state;
    const below = sum ?? gradient!;
    if (combined !== undefined) addRowsTo(below, combined, hidden, hidden + 1 + routed!.topK);
    const output = await this.#residual('attention', layer, state.input!, below);
    this.#letGo(layer, state);
    const place = this.#places.get(layer)!;
    const next = this.#chain.layers[place - 1];
    if (next !== undefined) {
      this.#gradients.set(next.layer, Promise.resolve(output));
      return;
    }
    if (this.#chain.isHandedOn) {
      this.#output = output;
      return;
    }
    await this.#forward.check.run(output, 'backward');
    this.#buffers.release(output);
  }

  /** Sends the gradient of the first layer's input to the role that has the layer before. */
  async handOn(_layer: number, exchange: number, peerRole: number): Promise<void> {
    await this.#plane.send(exchange, peerRole, this.#chain, this.#output!);
    this.#buffers.release(this.#output!);
    this.#output = undefined;
  }

  /** Receives the gradient of the last layer's output from the role that has the next layer. */
  async takeOver(exchange: number, peerRole: number): Promise<void> {
    const gradient = await this.#plane.take(exchange, peerRole, this.#chain);
    this.#gradients.set(this.#chain.layers.at(-1)!.layer, Promise.resolve(gradient));
  }

  #letGo(layer: number, { input, attended, gradient, sum, combined, routed, received }: LayerTokens): void {
    const buffers = this.#buffers;
    const arrays = [input, attended, gradient, sum, combined].filter((array) => array !== undefined);
    buffers.release(...arrays);
    if (received !== undefined) releaseReceived(buffers, received);
    if (routed !== undefined) this.#plane.releaseRouted(routed);
    const { exchange } = this.#chain.layers[this.#places.get(layer)!];
    if (exchange !== undefined) this.#plane.forget(exchange);
    this.#states.delete(layer);
  }

  /** @returns gradient + Jᵀ(input) · gradient, in new memory. */
  async #residual(kind: WeightKind, layer: number, input: Float32Array, gradient: Float32Array): Promise<Float32Array> {
    const { host, hidden } = this.#plane;
    const output = this.#buffers.float32(gradient.length);
    if (hidden === 0) return output;
    const key: WeightKey = { seed: host.configuration.seed, layer, kind, index: 0 };
    host.onTask('residual backward', await host.pool.residualBackward({ key, input, gradient, output }));
    return output;
  }

  /** What the forward kept of a layer, with the gradient of its output. */
  async #state(layer: number): Promise<LayerTokens> {
    const known = this.#states.get(layer);
    if (known?.gradient !== undefined) return known;
    const state = known ?? this.#forward.takeKept(layer);
    this.#states.set(layer, state);
    let gradient = this.#gradients.get(layer);
    if (gradient === undefined) {
      gradient = this.#plane.initialise('gradient', this.#chain.microBatch);
      this.#gradients.set(layer, gradient);
    }
    state.gradient = await gradient;
    this.#gradients.delete(layer);
    return state;
  }

  /** Gradients go back over the layout that the forward left; only the normal mode has one (the schedule is checked). */
  #exchange(layer: number): NormalExchange {
    return this.#plane.exchange(this.#chain.layers[this.#places.get(layer)!].exchange!) as NormalExchange;
  }

  get #buffers(): BufferPool {
    return this.#plane.host.buffers;
  }
}
