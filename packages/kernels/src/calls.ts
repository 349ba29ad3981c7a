import { loadModel } from '@epemu/presets';
import type { HardwarePreset } from '@epemu/presets';
import { measuredKernelLists } from './catalogue.js';
import { kernelTime } from './duration.js';
import type { KernelTime } from './duration.js';
import { KernelCatalogue } from './list.js';
import { moduleNs } from './module.js';
import type { LaunchMode } from './module.js';
import type { KernelShape } from './shape.js';
import type { KernelWork } from './sizes.js';

/** A kernel of a call, and its time alone. */
export interface CalledKernel extends KernelTime {
  readonly kind: string;
}

/** What a caller of a library waits for: kernels one after the other, and what launching them adds. */
export interface KernelCall {
  readonly kernels: readonly CalledKernel[];
  readonly ns: number;
}

/** A module as SGLang runs it; a name of {@link measuredKernelLists}. */
export type ModuleName = 'mla-context' | 'mla-generation' | 'experts-context' | 'experts-generation';

const LAUNCHED: Readonly<Record<ModuleName, LaunchMode>> = {
  'mla-context': 'eager-repeated',
  'mla-generation': 'graph',
  'experts-context': 'eager',
  'experts-generation': 'graph',
};

const NOTHING: KernelShape = { m: 0, n: 0, k: 0, weights: 1, flops: 0, bytes: 0 };
/** The modules were measured with this model's shapes. */
const MODEL = loadModel('deepseek-v3');

/** Bytes of an element of activations that are cast to FP8: BF16 read, FP8 and a scale for 128 written. */
const CAST_BYTES = 3.03125;

/** Times calls on a preset by the laws of its kernels, the same as a run's. */
export class KernelCalls {
  readonly #hardware: HardwarePreset;
  readonly #catalogues = new Map<string, KernelCatalogue>();

  constructor(hardware: HardwarePreset) {
    this.#hardware = hardware;
  }

  /** @returns kernels of the preset, one after the other in a graph; those of kinds that it lacks its library has not. */
  inGraph(kernels: readonly (readonly [string, Partial<KernelShape>])[]): KernelCall {
    const { gpu, kernels: rates } = this.#hardware;
    const called = kernels.flatMap(([kind, shape]) =>
      Object.hasOwn(rates, kind)
        ? [{ kind, ...kernelTime(this.#hardware, rates[kind], { ...NOTHING, ...shape }, gpu.sms) }]
        : [],
    );
    return this.#call(called, 'graph');
  }

  /** @returns an FP8 product m × k by k × n from BF16 activations: cast, scales laid out where a library does, product. */
  linearFp8(m: number, n: number, k: number): KernelCall {
    return this.inGraph([
      ['fp8-cast', { bytes: m * k * CAST_BYTES }],
      // Scales of weights are laid out by columns, a word each.
      ['scale-layout', { bytes: n * 4 }],
      ['deep-gemm-fp8', { m, n, k }],
    ]);
  }

  /** @returns BF16 products m × k by k × n, one a head, that memory binds. */
  batchedProducts(heads: number, m: number, n: number, k: number): KernelCall {
    return this.inGraph([['bmm-bf16', { bytes: 2 * heads * (n * k + m * (n + k)) }]]);
  }

  /**
   * @param ranks that the experts are spread over.
   * @returns a module of DeepSeek-V3 as SGLang runs it.
   */
  module(
    name: ModuleName,
    { heads = MODEL.attention.heads, ranks = 1 }: { readonly heads?: number; readonly ranks?: number },
    work: Partial<KernelWork>,
  ): KernelCall {
    const catalogue = this.#catalogue(heads, ranks);
    const none = { tokens: 0, attentionPairs: 0, rowsOfExperts: [], receivedTokens: 0 };
    const sizes = catalogue.sizesOf({ ...none, ...work });
    const { sms } = this.#hardware.gpu;
    const called = catalogue.kernels(name).map((kernel) => ({ kind: kernel.kind, ...kernel.time(sizes, sms) }));
    return this.#call(called, LAUNCHED[name]);
  }

  #call(kernels: readonly CalledKernel[], mode: LaunchMode): KernelCall {
    const durations = kernels.map(({ ns }) => ns);
    return { kernels, ns: moduleNs(this.#hardware, durations, mode) };
  }

  #catalogue(heads: number, ranks: number): KernelCatalogue {
    const key = `${heads} ${ranks}`;
    let catalogue = this.#catalogues.get(key);
    if (catalogue === undefined) {
      const { gpu, nodeSize } = this.#hardware;
      const model = { ...MODEL, attention: { ...MODEL.attention, heads } };
      catalogue = new KernelCatalogue(this.#hardware, measuredKernelLists(), {
        ...{ model, ranks, expertRanks: ranks, nodeSize },
        ...{ gpuSms: gpu.sms, computeSms: gpu.sms, communicationSms: 0 },
        ...{ dispatchBytes: MODEL.bytesPerToken.dispatch, combineBytes: MODEL.bytesPerToken.combine },
      });
      this.#catalogues.set(key, catalogue);
    }
    return catalogue;
  }
}
