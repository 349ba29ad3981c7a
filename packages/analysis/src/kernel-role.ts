import type { CollectiveRole, CollectiveType, KernelIdentity } from '@epemu/timeline';
import { parseKernelName } from '@epemu/trace';
import { splitHalf } from './halves/half-name.js';
import { FUSED, KERNEL_PATTERNS } from './kernel-patterns.js';
import type { KernelPattern } from './kernel-patterns.js';

/** What a captured kernel's name says of it. */
export type KernelRole = Pick<KernelIdentity, 'class' | 'library' | 'category' | 'collective'>;

const TYPES: readonly (readonly [RegExp, CollectiveType])[] = [
  [/combine/i, 'combine'],
  [/dispatch/i, 'dispatch'],
  [/all_?to_?all|all2all|a2a/i, 'all-to-all'],
  [/reduce_?scatter/i, 'reduce-scatter'],
  [/all_?reduce|cross_device_reduce/i, 'all-reduce'],
  [/all_?gather/i, 'all-gather'],
  [/broadcast/i, 'broadcast'],
  [/send|recv|p2p|(?:^|_)(?:put|get)_/i, 'send-receive'],
  [/barrier|(?<!a)sync|notify/i, 'barrier'],
];

const ROLES: readonly (readonly [RegExp, CollectiveRole])[] = [
  [/layout|scan|prepare|preprocess|sanitize|staging|reset/i, 'layout'],
  [/notify|barrier|(?<!a)sync|clean/i, 'notify'],
  [/(?:^|_|async)send(?:_kernel|_(?:bf16|fp8|f32)\w*)?$/i, 'send'],
  [/(?:^|_|async)recv(?:_kernel|_(?:bf16|fp8|f32)\w*)?$/i, 'receive'],
];

/** What kernels are that compute and communicate in one slice. */
export const FUSED_CATEGORY = 'fused with communication';

/** Kinds of computation, by words of their names. */
const CATEGORIES: readonly (readonly [RegExp, string])[] = [
  [/flash(?!infer)|attention|attn|fmha|mla_|splitkv/i, 'attention'],
  [/grouped(?!_gemm::)|group_gemm|moe_gemm|fused_moe/i, 'grouped gemm'],
  [/gemm|xmma|nvjet|cublas|wgrad|dgrad|matmul|bmm|splitk|split_k/i, 'gemm'],
  [/cast|quant|fp8|scale/i, 'cast'],
  [/norm/i, 'norm'],
  [/rotary|rope/i, 'rotary'],
  [/silu|swiglu|gelu|act_and_mul/i, 'activation'],
  [/topk|top_k|softmax|router|gate/i, 'router'],
  [/permute|scatter|gather|expand|fused_to|reduce_fused|unfuse|index/i, 'permute'],
  [/transpose/i, 'transpose'],
  [/elementwise|reduce|copy|fill|distribution|cat/i, 'elementwise'],
];

function firstOf<Value>(table: readonly (readonly [RegExp, Value])[], text: string, otherwise: Value): Value {
  return table.find(([pattern]) => pattern.test(text))?.[1] ?? otherwise;
}

function collectiveOf(qualified: string, library: string): NonNullable<KernelRole['collective']> {
  const own = qualified.slice(qualified.lastIndexOf('::') + 1);
  // A namespace may say what its kernels are for: trt_ll_allreduce::lamport.
  const type = firstOf(TYPES, own, firstOf(TYPES, qualified, 'other'));
  // NCCL's own send and receive kernels do both at once, and an all-reduce that says how it synchronises moves bytes.
  const isWhole = library === 'NCCL' || type === 'all-reduce';
  const role = isWhole ? 'transfer' : firstOf(ROLES, own, 'transfer');
  const inNode = /intranode|IntraNode|cross_device|multimem/.test(qualified);
  const betweenNodes = /internode|InterNode/.test(qualified);
  return { type, role, link: inNode ? 'nvlink' : betweenNodes ? 'rdma' : undefined };
}

/** Copies and fills, as CUPTI names them; HTA tells them by the same. */
const COPY = /^(?:Memcpy|Memset)\b/;
const MEMORY: KernelRole = { class: 'memory', library: '', category: 'copy and fill', collective: undefined };

/** Tells kernels apart by name; each name once. A user's own patterns come before the table's. */
export class KernelRoles {
  readonly #own: readonly KernelPattern[];
  readonly #known = new Map<string, KernelRole>();

  constructor(own: readonly KernelPattern[] = []) {
    this.#own = own;
  }

  /** @param name as it stands in the trace, mangled or not; with the half that the launch is, where that is known. */
  of(name: string): KernelRole {
    let role = this.#known.get(name);
    if (role === undefined) {
      role = this.#classify(name);
      this.#known.set(name, role);
    }
    return role;
  }

  /** @returns what a user's own pattern says of a kernel; undefined where none matches. */
  own(name: string): KernelRole | undefined {
    return this.#own.some(({ pattern }) => pattern.test(splitHalf(name).traced)) ? this.of(name) : undefined;
  }

  #classify(named: string): KernelRole {
    const { traced: name, half } = splitHalf(named);
    if (COPY.test(name) && !this.#own.some(({ pattern }) => pattern.test(name))) return MEMORY;
    const qualified = parseKernelName(name).path.join('::');
    // A user's pattern may be about any part of the name; the table's are about the function alone.
    const own = this.#own.find(({ pattern }) => pattern.test(name));
    // Namespaces further out name a library, not what the kernel does.
    const isFused = FUSED.test(qualified);
    const compute = isFused ? FUSED_CATEGORY : firstOf(CATEGORIES, qualified.split('::').slice(-2).join('::'), 'other');
    const found = own ?? (isFused ? undefined : KERNEL_PATTERNS.find(({ pattern }) => pattern.test(qualified)));
    if (found === undefined) return { class: 'compute', library: '', category: compute, collective: undefined };
    const { class: kernelClass, library } = found;
    if (kernelClass === 'memory') return { ...MEMORY, library };
    if (kernelClass === 'compute') return { class: 'compute', library, category: compute, collective: undefined };
    const byName = collectiveOf(qualified, library);
    const collective = { ...byName, role: half ?? byName.role };
    const { role, type } = collective;
    const category = role === 'transfer' ? type : role === 'layout' || role === 'notify' ? role : `${type} ${role}`;
    return { class: 'communication', library, category, collective };
  }
}
