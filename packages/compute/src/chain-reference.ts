import { InvariantError } from '@epemu/core';
import { initialise } from './initialise.js';
import { PlainExpert } from './plain.js';
import { NumericsTally, relativeError } from './numerics-tally.js';
import type { CheckChainTask, NumericsResult, WeightKey } from './tasks.js';

/**
 * Compares what came out of the last layer (backward: the gradient that came out of the first) with the plain model: one
 * token, all layers, float64 loops, no communication. What each layer adds is checked elsewhere token by token; this one
 * shows that nothing was left out, done twice or done to another token between them.
 *
 * @throws InvariantError when the arrays' lengths do not fit each other.
 */
export function checkChain(hidden: number, task: CheckChainTask): NumericsResult {
  const { layers, topK, expertIds, weights, output, direction } = task;
  if (expertIds.length < layers.length * topK || weights.length < layers.length * topK || output.length !== hidden) {
    throw new InvariantError(`${layers.length} layers, top-${topK}, do not fit what a chain of them was given`);
  }
  const model = new PlainModel(hidden, task);
  const expected = direction === 'forward' ? model.forward() : model.backward();
  const tally = new NumericsTally();
  tally.judge(relativeError(output, 0, expected, 0, hidden, 0));
  return tally.result;
}

/** The plain model for one token; see `docs/real-and-modelled.md` for what stands in for what. */
class PlainModel {
  readonly #hidden: number;
  readonly #task: CheckChainTask;
  readonly #function: PlainExpert;
  /** Input of each layer, and of its MLP or experts. */
  readonly #inputs: Float64Array[] = [];
  readonly #attended: Float64Array[] = [];

  constructor(hidden: number, task: CheckChainTask) {
    this.#hidden = hidden;
    this.#task = task;
    this.#function = new PlainExpert(hidden);
  }

  forward(): Float64Array {
    let x = this.#initial('activation');
    this.#task.layers.forEach((_, index) => {
      this.#inputs.push(x);
      const attended = this.#added(x, this.#key(index, 'attention', 0), x);
      this.#attended.push(attended);
      x = attended.slice();
      for (const { key, weight } of this.#functions(index)) this.#add(x, weight, this.#apply(key, attended));
    });
    return x;
  }

  backward(): Float64Array {
    this.forward();
    let gradient = this.#initial('gradient');
    for (let index = this.#task.layers.length - 1; index >= 0; index--) {
      const before = gradient.slice();
      for (const { key, weight } of this.#functions(index)) {
        this.#add(before, weight, this.#transposed(key, this.#attended[index], gradient));
      }
      gradient = before.slice();
      this.#add(gradient, 1, this.#transposed(this.#key(index, 'attention', 0), this.#inputs[index], before));
    }
    return gradient;
  }

  #initial(kind: 'activation' | 'gradient'): Float64Array {
    const output = new Float32Array(this.#hidden);
    const { seed, token, lossToken } = this.#task;
    initialise(this.#hidden, { seed, kind, firstToken: kind === 'activation' ? token : lossToken, output });
    return Float64Array.from(output);
  }

  /** What a layer adds to the attended token: its dense MLP, or its shared expert and the routed ones. */
  #functions(index: number): { key: WeightKey; weight: number }[] {
    const { layers, topK, expertIds, weights, shared } = this.#task;
    if (layers[index].dense) return [{ key: this.#key(index, 'dense', 0), weight: 1 }];
    const routed = Array.from({ length: topK }, (_, slot) => ({
      key: this.#key(index, 'expert', expertIds[index * topK + slot]),
      weight: weights[index * topK + slot],
    }));
    return shared ? [{ key: this.#key(index, 'shared', 0), weight: 1 }, ...routed] : routed;
  }

  #key(index: number, kind: WeightKey['kind'], expert: number): WeightKey {
    return { seed: this.#task.seed, layer: this.#task.layers[index].layer, kind, index: expert };
  }

  #apply(key: WeightKey, at: Float64Array): Float64Array {
    this.#function.become(key);
    return this.#function.forward(at, 0);
  }

  #transposed(key: WeightKey, at: Float64Array, gradient: Float64Array): Float64Array {
    this.#apply(key, at);
    return this.#function.backward(gradient, 0).dx;
  }

  #added(base: Float64Array, key: WeightKey, at: Float64Array): Float64Array {
    const sum = base.slice();
    this.#add(sum, 1, this.#apply(key, at));
    return sum;
  }

  #add(target: Float64Array, weight: number, values: Float64Array): void {
    for (let i = 0; i < this.#hidden; i++) target[i] += weight * values[i];
  }
}
