import type { WeightKey, WeightKind } from '@epemu/compute';
import type { BufferPool } from './buffers.js';
import { ChainCheck } from './chain-check.js';
import type { Chain, ChainLayer } from './chains.js';
import type { Routed } from './dispatch-messages.js';
import { addRowsTo } from './layer-tokens.js';
import type { LayerTokens } from './layer-tokens.js';
import type { TokenPlane } from './plane.js';
import { releaseReceived } from './received.js';

/**
 * The arithmetic of one micro-batch forward through a rank's layers, action by action as its operations say. It gives each
 * array back as soon as nobody looks at it any more.
 */
export class ForwardWork {
  readonly #plane: TokenPlane;
  readonly #chain: Chain;
  readonly #places: ReadonlyMap<number, number>;
  readonly #states = new Map<number, LayerTokens>();
  readonly #ahead = new Map<number, Promise<Routed>>();
  readonly check: ChainCheck;
  /** What another role sent, until the first layer takes it. */
  #input: Float32Array | undefined;

  constructor(plane: TokenPlane, chain: Chain) {
    this.#plane = plane;
    this.#chain = chain;
    this.#places = new Map(chain.layers.map(({ layer }, place) => [layer, place]));
    this.check = new ChainCheck(plane, chain);
  }

  /** @returns what is kept of a layer for its backward; to be asked for once. */
  takeKept(layer: number): LayerTokens {
    const state = this.#state(layer);
    this.#states.delete(layer);
    return state;
  }

  /** Runs everything, layer after layer: a forward before virtual time 0. */
  async runAll(): Promise<void> {
    for (const { layer, dense } of this.#chain.layers) {
      await this.attend(layer);
      if (dense) {
        await this.dense(layer);
        continue;
      }
      await this.route(layer);
      await this.dispatch(layer);
      await this.experts(layer);
      await this.combine(layer);
      if (this.#plane.hasSharedExperts) await this.shared(layer);
    }
  }

  async attend(layer: number): Promise<void> {
    const state = this.#state(layer);
    const input = await this.#inputOf(layer);
    state.attended = await this.#residual('attention', layer, input, this.#chain.kept ? 'new' : 'in place');
    if (this.#chain.kept) state.input = input;
  }

  /** The router does not look at the payload, so the next layer's choice is made while this one's tokens are under way. */
  async route(layer: number): Promise<void> {
    const routing = this.#ahead.get(layer) ?? this.#plane.route(this.#layer(layer), this.#chain.microBatch);
    this.#ahead.delete(layer);
    const next = this.#chain.layers[this.#places.get(layer)! + 1];
    if (next !== undefined && !next.dense) {
      const ahead = this.#plane.route(next, this.#chain.microBatch);
      // Awaited one layer later; a failure until then must not count as unhandled.
      ahead.catch(() => undefined);
      this.#ahead.set(next.layer, ahead);
    }
    const routed = await routing;
    this.#state(layer).routed = routed;
    this.check.noteRouting(layer, routed);
  }

  async dispatch(layer: number): Promise<void> {
    const { routed = this.#plane.nothingRouted, attended = new Float32Array(0) } = this.#state(layer);
    const { exchange } = this.#layer(layer);
    this.#state(layer).received = await this.#plane.dispatch(exchange!, routed, attended);
  }

  async experts(layer: number): Promise<void> {
    const { host, hidden } = this.#plane;
    if (hidden === 0) return;
    const state = this.#state(layer);
    const received = state.received!;
    state.partial = this.#buffers.float32(received.rows * (hidden + 1));
    const timing = await host.pool.expertForward({
      keys: this.#plane.expertKeys(layer),
      tokens: received.vectors,
      rowToken: received.rowOfEntry,
      rowWeight: received.weightOfEntry,
      expertOffsets: received.expertOffsets,
      partial: state.partial,
    });
    host.onTask('expert forward', timing);
  }

  async combine(layer: number): Promise<void> {
    const { hidden } = this.#plane;
    const state = this.#state(layer);
    if (hidden === 0) {
      state.combined = this.#buffers.float32(0);
    } else {
      const exchange = this.#plane.exchange(this.#layer(layer).exchange!);
      const partial = state.partial ?? this.#buffers.float32(0);
      const combined = await exchange.combine('forward', partial, hidden + 1);
      this.#buffers.release(partial);
      delete state.partial;
      await this.#checkLayer(layer, state, combined);
      // Told only now: a shared expert that ends meanwhile would let go of what is being checked.
      state.combined = combined;
    }
    await this.#outputMayBeThere(layer);
  }

  async shared(layer: number): Promise<void> {
    const state = this.#state(layer);
    state.sum = await this.#residual('shared', layer, state.attended!, 'new');
    await this.#outputMayBeThere(layer);
  }

  async dense(layer: number): Promise<void> {
    const state = this.#state(layer);
    state.sum = await this.#residual('dense', layer, state.attended!, 'new');
    await this.#outputMayBeThere(layer);
  }

  async #checkLayer(layer: number, { routed, attended }: LayerTokens, combined: Float32Array): Promise<void> {
    if (!this.#chain.attends || !this.#plane.checks(layer)) return;
    const { host } = this.#plane;
    const { chosenIds: expertIds, weights, topK } = routed!;
    const { seed } = host.configuration;
    const task = { seed, layer, input: attended!, expertIds, weights, topK, combined };
    this.#plane.countCheck(await host.pool.checkForward(task));
  }

  /** Sends the output of the last layer to the role that has the next one. */
  async handOn(layer: number, exchange: number, peerRole: number): Promise<void> {
    const output = this.#takeOutput(layer);
    await this.#plane.send(exchange, peerRole, this.#chain, output);
    this.#buffers.release(output);
  }

  /** Receives the input of the first layer from the role that has the one before. */
  async takeOver(exchange: number, peerRole: number): Promise<void> {
    this.#input = await this.#plane.take(exchange, peerRole, this.#chain);
  }

  /** Input of a layer: what the one before made, what another role sent, or the first activations. */
  async #inputOf(layer: number): Promise<Float32Array> {
    const before = this.#chain.layers[this.#places.get(layer)! - 1];
    if (before !== undefined) return this.#takeOutput(before.layer);
    const input = this.#input ?? (await this.#plane.initialise('activation', this.#chain.microBatch));
    this.#input = undefined;
    return input;
  }

  /** Behind the model's last layer nobody asks for the output: it is checked and let go of. */
  async #outputMayBeThere(layer: number): Promise<void> {
    const state = this.#state(layer);
    if (!this.#chain.attends) {
      // Others' tokens went back to them: nothing is left here.
      if (state.combined !== undefined) this.#letGo(layer, state);
      return;
    }
    if (this.#chain.isHandedOn || this.#places.get(layer) !== this.#chain.layers.length - 1) return;
    const { combined, sum } = state;
    const { dense } = this.#layer(layer);
    const needsSum = dense || this.#plane.hasSharedExperts;
    if ((!dense && combined === undefined) || (needsSum && sum === undefined)) return;
    const output = this.#takeOutput(layer);
    await this.check.run(output);
    this.#buffers.release(output);
  }

  /** Output of a layer: the attended token, what the shared experts (dense: the MLP) add, and what came back. */
  #takeOutput(layer: number): Float32Array {
    const { hidden } = this.#plane;
    const state = this.#state(layer);
    const { attended, combined } = state;
    const output = state.sum ?? this.#buffers.float32(attended!.length);
    if (state.sum === undefined) output.set(attended!);
    if (combined !== undefined) addRowsTo(output, combined, hidden, hidden + 1);
    if (combined !== undefined) this.#buffers.release(combined);
    delete state.sum;
    delete state.combined;
    if (!this.#chain.kept) this.#letGo(layer, state);
    return output;
  }

  #letGo(layer: number, { attended, routed, received, combined }: LayerTokens): void {
    const { exchange } = this.#layer(layer);
    if (exchange !== undefined) this.#plane.forget(exchange);
    if (received !== undefined) releaseReceived(this.#buffers, received);
    if (routed !== undefined) this.#plane.releaseRouted(routed);
    if (attended !== undefined) this.#buffers.release(attended);
    if (combined !== undefined) this.#buffers.release(combined);
    this.#states.delete(layer);
  }

  /** @returns input + F(input): in the memory of the input, or in new memory. */
  async #residual(
    kind: WeightKind,
    layer: number,
    input: Float32Array,
    where: 'in place' | 'new',
  ): Promise<Float32Array> {
    const { host, hidden } = this.#plane;
    const output = where === 'new' ? this.#buffers.float32(input.length) : input;
    if (hidden === 0) return output;
    const key: WeightKey = { seed: host.configuration.seed, layer, kind, index: 0 };
    host.onTask('residual forward', await host.pool.residualForward({ key, input, output }));
    return output;
  }

  #layer(layer: number): ChainLayer {
    return this.#chain.layers[this.#places.get(layer)!];
  }

  #state(layer: number): LayerTokens {
    let state = this.#states.get(layer);
    if (state === undefined) this.#states.set(layer, (state = {}));
    return state;
  }

  get #buffers(): BufferPool {
    return this.#plane.host.buffers;
  }
}
