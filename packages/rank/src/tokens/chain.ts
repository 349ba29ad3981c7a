import { denseLayerCount } from '@epemu/config';
import type { CheckResult, WeightKey, WeightKind } from '@epemu/compute';
import type { BufferPool } from './buffers.js';
import type { Routed } from './dispatch-messages.js';
import type { NormalExchange } from './exchange.js';
import type { TokenPlane } from './plane.js';
import { releaseReceived } from './received.js';
import type { ReceivedTokens } from './received.js';

/** What training keeps of a layer's forward for its backward. */
interface KeptLayer {
  /** Input of the layer, and of its MoE part: [tokens × hidden]. */
  readonly input: Float32Array;
  readonly attended: Float32Array;
  readonly routed?: Routed;
  readonly received?: ReceivedTokens;
}

/**
 * The arithmetic of one micro-batch through its layers: attention stand-in, experts, shared expert, and back. It works
 * in place where nothing is kept, and gives each array back as soon as nobody looks at it any more.
 */
export class MicroBatchChain {
  readonly #plane: TokenPlane;
  readonly #microBatch: number;
  readonly #tokens: number;
  readonly #kept = new Map<number, KeptLayer>();

  constructor(plane: TokenPlane, microBatch: number) {
    this.#plane = plane;
    this.#microBatch = microBatch;
    this.#tokens = plane.host.microBatches[microBatch].tokens;
  }

  /**
   * Runs layers `first` to `last` forward.
   * @param keep whether activations stay for a backward.
   */
  async forward(first: number, last: number, keep: boolean): Promise<void> {
    let input = await this.#initialise('activation');
    let ahead = this.#routeIfSparse(first);
    for (let layer = first; layer <= last; layer++) {
      // What is kept is training's other micro-batch, whose forward lies before the first row.
      if (!keep) await this.#plane.host.rowBegins(layer);
      const routing = ahead;
      // The router does not look at the payload, so the next layer's routing overlaps with this layer's exchange.
      if (layer < last) ahead = this.#routeIfSparse(layer + 1);
      const attended = await this.#residual('attention', layer, input, keep);
      if (this.#isDense(layer)) {
        if (keep) this.#kept.set(layer, { input, attended });
        input = await this.#residual('dense', layer, attended, keep);
        continue;
      }
      const routed = (await routing)!;
      const { received, combined } = await this.#experts(layer, routed, attended);
      if (keep) {
        this.#kept.set(layer, { input, attended, routed, received });
      } else {
        this.#plane.forget(layer, this.#microBatch);
        releaseReceived(this.#buffers, received);
        this.#buffers.release(routed.expertIds, routed.weights);
      }
      input = await this.#residual('shared', layer, attended, keep, combined);
      this.#buffers.release(combined);
    }
    this.#buffers.release(input);
  }

  /** Runs layers `last` down to `first` backward, over what {@link forward} kept. */
  async backward(first: number, last: number): Promise<void> {
    const gradient = await this.#initialise('gradient');
    const { layers } = this.#plane.host.configuration;
    for (let layer = last; layer >= first; layer--) {
      await this.#plane.host.rowBegins(layers - 1 - layer);
      const kept = this.#kept.get(layer)!;
      if (kept.routed === undefined || kept.received === undefined) {
        await this.#residualBackward('dense', layer, kept.attended, gradient);
      } else {
        const { routed, received } = kept;
        const returned = await this.#expertsBackward(layer, kept.attended, routed, received, gradient);
        const stride = this.#plane.hidden + 1 + routed.topK;
        await this.#residualBackward('shared', layer, kept.attended, gradient, returned, stride);
        releaseReceived(this.#buffers, received);
        this.#buffers.release(returned, routed.expertIds, routed.weights);
      }
      await this.#residualBackward('attention', layer, kept.input, gradient);
      // Without payload all layers share one empty array.
      this.#buffers.release(kept.input, kept.attended);
      this.#kept.delete(layer);
      this.#plane.forget(layer, this.#microBatch);
    }
    this.#buffers.release(gradient);
  }

  async #experts(
    layer: number,
    routed: Routed,
    attended: Float32Array,
  ): Promise<{ received: ReceivedTokens; combined: Float32Array }> {
    const { host, hidden } = this.#plane;
    const buffers = this.#buffers;
    const received = await this.#plane.dispatch(layer, this.#microBatch, routed, attended);
    const movement = { layer, microBatch: this.#microBatch, direction: 'forward', type: 'combine' } as const;
    if (hidden === 0) {
      this.#plane.markArrived(movement);
      return { received, combined: buffers.float32(0) };
    }
    const partial = buffers.float32(received.rows * (hidden + 1));
    const timing = await host.pool.expertForward({
      keys: this.#expertKeys(layer),
      tokens: received.vectors,
      rowToken: received.rowOfEntry,
      rowWeight: received.weightOfEntry,
      expertOffsets: received.expertOffsets,
      partial,
    });
    host.onTask('expert forward', timing);
    const combined = await this.#plane.exchange(layer, this.#microBatch).combine('forward', partial, hidden + 1);
    buffers.release(partial);
    this.#plane.markArrived(movement);
    if (this.#plane.checks(layer)) {
      const { expertIds, weights, topK } = routed;
      const task = { seed: this.#seed, layer, input: attended, expertIds, weights, topK, combined };
      this.#countCheck(await host.pool.checkForward(task));
    }
    return { received, combined };
  }

  async #expertsBackward(
    layer: number,
    attended: Float32Array,
    routed: Routed,
    received: ReceivedTokens,
    gradient: Float32Array,
  ): Promise<Float32Array> {
    const { host, hidden } = this.#plane;
    const buffers = this.#buffers;
    const movement = { layer, microBatch: this.#microBatch, direction: 'backward' } as const;
    if (hidden === 0) {
      this.#plane.markArrived({ ...movement, type: 'dispatch' });
      this.#plane.markArrived({ ...movement, type: 'combine' });
      return buffers.float32(0);
    }
    // Gradients go back over the layout that the forward left; only the normal mode has one (the schedule is checked).
    const exchange = this.#plane.exchange(layer, this.#microBatch) as NormalExchange;
    const arrived = await exchange.dispatchCached(gradient, hidden);
    this.#plane.markArrived({ ...movement, type: 'dispatch' });
    const { topK, expertIds, weights } = routed;
    const lanes = hidden + 1 + topK;
    const partial = buffers.float32(received.rows * lanes);
    const timing = await host.pool.expertBackward({
      keys: this.#expertKeys(layer),
      tokens: received.vectors,
      rowToken: received.rowOfEntry,
      rowWeight: received.weightOfEntry,
      rowSlot: received.slotOfEntry,
      expertOffsets: received.expertOffsets,
      gradient: arrived,
      topK,
      partial,
    });
    host.onTask('expert backward', timing);
    buffers.release(arrived);
    const returned = await exchange.combine('backward', partial, lanes);
    buffers.release(partial);
    this.#plane.markArrived({ ...movement, type: 'combine' });
    if (this.#plane.checks(layer)) {
      const task = { seed: this.#seed, layer, input: attended, gradient, expertIds, weights, topK, returned };
      this.#countCheck(await host.pool.checkBackward(task));
    }
    return returned;
  }

  #countCheck({ numerics, timing }: CheckResult): void {
    this.#plane.host.onTask('check', timing);
    this.#plane.count(numerics);
  }

  get #buffers(): BufferPool {
    return this.#plane.host.buffers;
  }

  get #seed(): number {
    return this.#plane.host.configuration.seed;
  }

  #isDense(layer: number): boolean {
    return layer >= 0 && layer < denseLayerCount(this.#plane.host.configuration);
  }

  #routeIfSparse(layer: number): Promise<Routed> | undefined {
    if (this.#isDense(layer)) return undefined;
    const routing = this.#plane.route(layer, this.#microBatch);
    // Awaited one layer later; a failure until then must not count as unhandled.
    routing.catch(() => undefined);
    return routing;
  }

  #expertKeys(layer: number): WeightKey[] {
    const { rank, topology } = this.#plane.host;
    const first = rank * topology.expertsPerRank;
    return Array.from({ length: topology.expertsPerRank }, (_, i) => this.#key('expert', layer, first + i));
  }

  #key(kind: WeightKind, layer: number, index: number): WeightKey {
    return { seed: this.#seed, layer, kind, index };
  }

  /** Tokens are numbered over micro-batches and ranks, so that no two are alike. */
  async #initialise(kind: 'activation' | 'gradient'): Promise<Float32Array> {
    const { host, hidden } = this.#plane;
    const output = host.buffers.float32(this.#tokens * hidden);
    if (hidden === 0) return output;
    const most = Math.max(...host.microBatches.map((batch) => batch.tokens));
    const firstToken = (this.#microBatch * host.configuration.ranks + host.rank) * most;
    host.onTask('initialise', await host.pool.initialise({ seed: this.#seed, kind, firstToken, output }));
    return output;
  }

  /** @returns the output: in the memory of the input, unless that is kept. */
  async #residual(
    kind: WeightKind,
    layer: number,
    input: Float32Array,
    keep: boolean,
    addend?: Float32Array,
  ): Promise<Float32Array> {
    const { host, hidden } = this.#plane;
    if (hidden === 0) return input;
    const output = keep ? host.buffers.float32(input.length) : input;
    const extra = addend === undefined ? {} : { addend, addendStride: hidden + 1 };
    const timing = await host.pool.residualForward({ key: this.#key(kind, layer, 0), input, output, ...extra });
    host.onTask('residual forward', timing);
    return output;
  }

  /** Replaces the gradient of a function's output by that of its input. */
  async #residualBackward(
    kind: WeightKind,
    layer: number,
    input: Float32Array,
    gradient: Float32Array,
    addend?: Float32Array,
    addendStride?: number,
  ): Promise<void> {
    const { host, hidden } = this.#plane;
    if (hidden === 0) return;
    const extra = addend === undefined || addendStride === undefined ? {} : { addend, addendStride };
    const key = this.#key(kind, layer, 0);
    const timing = await host.pool.residualBackward({ key, input, gradient, output: gradient, ...extra });
    host.onTask('residual backward', timing);
  }
}
