import type { KernelCall, KernelCalls, KernelShape, ModuleName } from '@epemu/kernels';
import { loadHardware } from '@epemu/presets';

/** Sizes that a kernel may have. */
export interface KernelSizes {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly rowsPerExpert: readonly number[];
  readonly heads: number;
  readonly batch: number;
  readonly length: number;
  readonly bytes: number;
}

export type KernelSize = keyof KernelSizes;

/** A kernel that can be timed alone: what it is, its sizes with their defaults, and what it consists of. */
export interface TimedKind {
  readonly about: string;
  readonly defaults: Partial<KernelSizes>;
  call(calls: KernelCalls, sizes: KernelSizes): KernelCall;
}

/** Widths of DeepSeek-V3's heads: keys and values in prefill, and of the latent that decode attends to. */
const [QK, V, LATENT_QK, LATENT_V] = [192, 128, 576, 512];
/** Experts of DeepSeek-V3, which modules spread over ranks. */
const EXPERTS = 256;

/** The product of o_proj in decode. */
const DENSE = { m: 128, n: 7168, k: 16384 };
const ROWS = { rowsPerExpert: new Array<number>(8).fill(128) };
const GROUPED = { ...ROWS, n: 4096, k: 7168 };
const DECODE = { heads: 128, batch: 128, length: 4096 };
const PREFILL = { heads: 128, batch: 1, length: 4096 };

function dense(about: string, kind: string): TimedKind {
  return { about, defaults: DENSE, call: (calls, { m, n, k }) => calls.inGraph([[kind, { m, n, k }]]) };
}

function grouped(about: string, kind: string): TimedKind {
  const call: TimedKind['call'] = (calls, { rowsPerExpert, n, k }) =>
    calls.inGraph([[kind, { n, k, groups: rowsPerExpert }]]);
  return { about, defaults: GROUPED, call };
}

function attention(
  about: string,
  kind: string,
  defaults: Partial<KernelSizes>,
  shapeOf: (sizes: KernelSizes) => Partial<KernelShape>,
): TimedKind {
  return { about, defaults, call: (calls, sizes) => calls.inGraph([[kind, shapeOf(sizes)]]) };
}

/** Queries attend to themselves and to those before them. */
function causalPairs({ batch, length }: KernelSizes): number {
  return (batch * length * (length + 1)) / 2;
}

function prefillShape(sizes: KernelSizes, products: number): Partial<KernelShape> {
  const { heads, batch, length } = sizes;
  return {
    flops: 2 * causalPairs(sizes) * heads * products,
    bytes: batch * length * heads * (QK + V) * 4,
    tiles: heads * batch * Math.max(1, length / 128),
  };
}

function mla(about: string, name: ModuleName): TimedKind {
  const isDecode = name === 'mla-generation';
  const call: TimedKind['call'] = (calls, sizes) => {
    const { heads, batch, length } = sizes;
    const attentionPairs = isDecode ? batch * length : causalPairs(sizes);
    return calls.module(name, { heads }, { tokens: isDecode ? batch : batch * length, attentionPairs });
  };
  return { about, defaults: isDecode ? DECODE : PREFILL, call };
}

function experts(about: string, name: ModuleName): TimedKind {
  const call: TimedKind['call'] = (calls, { rowsPerExpert, m }) => {
    const ranks = EXPERTS / rowsPerExpert.length;
    return calls.module(name, { ranks }, { rowsOfExperts: rowsPerExpert, receivedTokens: m });
  };
  return { about, defaults: name === 'experts-context' ? { ...ROWS, m: 4096 } : ROWS, call };
}

const PRODUCTS_BACKWARD = 3 * QK + 2 * V;

const OWN: Readonly<Record<string, TimedKind>> = {
  'gemm-fp8': {
    about: 'FP8 product from BF16 activations, as measured: cast, layout of scales where a library has it, product',
    defaults: DENSE,
    call: (calls, { m, n, k }) => calls.linearFp8(m, n, k),
  },
  'deep-gemm-fp8': dense('that product alone: activations are FP8 already', 'deep-gemm-fp8'),
  'gemm-bf16': dense('BF16 product', 'gemm-bf16'),
  'grouped-gemm-fp8': grouped('FP8 products of experts whose rows are contiguous', 'grouped-gemm-fp8'),
  'masked-gemm-fp8': grouped('FP8 products of experts after a low-latency dispatch', 'masked-gemm-fp8'),
  'bmm-bf16': {
    about: 'BF16 products m × k by k × n, one a head, as around MLA in decode',
    defaults: { heads: 128, m: 128, n: 512, k: 128 },
    call: (calls, { heads, m, n, k }) => calls.batchedProducts(heads, m, n, k),
  },
  'attention-decode': attention('MLA core of a decode step', 'attention-decode', DECODE, (sizes) => ({
    flops: 2 * sizes.batch * sizes.length * sizes.heads * (LATENT_QK + LATENT_V),
    bytes: 2 * sizes.batch * (sizes.length * LATENT_QK + sizes.heads * (LATENT_QK + LATENT_V)),
    keys: sizes.length,
    tiles: sizes.batch * Math.max(1, sizes.heads / 64),
  })),
  'attention-prefill': attention('attention core of a prefill, causal', 'attention-forward', PREFILL, (sizes) =>
    prefillShape(sizes, QK + V),
  ),
  'attention-backward': attention('the same going backward', 'attention-backward', PREFILL, (sizes) =>
    prefillShape(sizes, PRODUCTS_BACKWARD),
  ),
  'fp8-cast': {
    about: 'cast of m × k values from BF16 to FP8 with scales',
    defaults: { m: 4096, k: 7168 },
    call: (calls, { m, k }) => calls.inGraph([['fp8-cast', { bytes: m * k * 3.03125 }]]),
  },
  'sequence-walk': {
    about: "SGLang's preparation of a prefill, one sequence after the other",
    defaults: { batch: 1 },
    call: (calls, { batch }) => calls.inGraph([['sequence-walk', { bytes: batch }]]),
  },
  'mla-generation': mla('attention module of DeepSeek-V3 in decode, from the latent on, as a graph', 'mla-generation'),
  'mla-context': mla('attention module of DeepSeek-V3 in prefill, from the latent on, launched eagerly', 'mla-context'),
  'experts-generation': experts("a rank's experts after a low-latency dispatch, as a graph", 'experts-generation'),
  'experts-context': experts(
    "a rank's experts after a normal dispatch of m tokens, launched eagerly",
    'experts-context',
  ),
};

/** @returns all that can be timed: what has sizes of its own, and by bytes the kinds that memory binds. */
export function timedKinds(): Readonly<Record<string, TimedKind>> {
  const byBytes = Object.entries(loadHardware('h800').kernels).flatMap(([kind, { model }]): [string, TimedKind][] => {
    if (model !== 'memory' || Object.hasOwn(OWN, kind)) return [];
    const call: TimedKind['call'] = (calls, { bytes }) => calls.inGraph([[kind, { bytes }]]);
    return [[kind, { about: 'by bytes read and written', defaults: { bytes: 1e6 }, call }]];
  });
  return { ...OWN, ...Object.fromEntries(byBytes) };
}
