import type { KernelShape } from '@epemu/kernels';
import type { HardwarePreset } from '@epemu/presets';
import { isLibraryProduct, isNamed, sameFunction } from '@epemu/trace';
import type { KernelName } from '@epemu/trace';
import type { ListedKernels } from './listed-kernels.js';
import { memoryShape, operatorBytes, operatorProduct } from './operator-shape.js';
import type { OperatorProduct } from './operator-shape.js';
import type { Operator } from './operators.js';
import type { NotPlacedReason } from './placement.js';
import type { TracedKernel } from './traced-kernel.js';

/** Names of kernels that multiply matrices; their helpers, which split or reduce, run under the same operator. */
const PRODUCT_NAME = /gemm|nvjet|xmma|matmul|(?:^|_)mm(?:_|$)/i;
const HELPER_NAME = /reduce|splitk\w*_kernel$|memset|transpose|fill/i;

/** Kinds of matrix products by form and type of the operands. */
const PRODUCT_KINDS: Readonly<Record<string, string>> = {
  'single c10::Float8_e4m3fn': 'gemm-fp8',
  'grouped c10::Float8_e4m3fn': 'grouped-gemm-fp8',
  'single c10::BFloat16': 'gemm-bf16',
  'single c10::Half': 'gemm-bf16',
  'batched c10::BFloat16': 'bmm-bf16',
  'batched c10::Half': 'bmm-bf16',
};

/** A kind and a shape, or why there are none. */
export type NamedPlace = { readonly kind: string; readonly shape: KernelShape } | NotPlacedReason;

/** Places kernels that lie in no known phase: the kind by name, the shape by the operator that launched them. */
export class PlaceByName {
  readonly #hardware: HardwarePreset;
  readonly #lists: ListedKernels;
  readonly #kinds = new Map<KernelName, readonly string[]>();

  constructor(hardware: HardwarePreset, lists: ListedKernels) {
    this.#hardware = hardware;
    this.#lists = lists;
  }

  place(traced: TracedKernel, name: KernelName, operator: Operator | undefined): NamedPlace {
    const kinds = this.#kindsOf(name);
    const last = name.path.at(-1) ?? '';
    const multiplies = PRODUCT_NAME.test(last) && !HELPER_NAME.test(last);
    const product = operator === undefined || !multiplies ? undefined : operatorProduct(operator);
    if (product !== undefined) return this.#product(product, kinds);
    if (kinds.length === 0) return isLibraryProduct(name) ? 'no shape' : 'unknown name';
    if (kinds.length > 1) return 'several kinds';
    const [kind] = kinds;
    if (this.#hardware.kernels[kind]?.model !== 'memory') return 'no shape';
    if (traced.bytes !== undefined) {
      // A copy reads what it writes.
      const passes = traced.name.startsWith('Memcpy') ? 2 : 1;
      return { kind, shape: memoryShape(passes * traced.bytes) };
    }
    if (operator === undefined) return 'no shape';
    return { kind, shape: memoryShape(operatorBytes(operator, last.startsWith('reduce'))) };
  }

  #product({ shape, type, form }: OperatorProduct, kinds: readonly string[]): NamedPlace {
    const named = kinds.length === 1 ? kinds[0] : undefined;
    const kind = named ?? PRODUCT_KINDS[`${form} ${type}`];
    if (kind === undefined || !Object.hasOwn(this.#hardware.kernels, kind)) return 'unknown name';
    return { kind, shape };
  }

  /** Kinds of the lists' kernels of this name; where there is none, those of the function over any functor. */
  #kindsOf(name: KernelName): readonly string[] {
    let kinds = this.#kinds.get(name);
    if (kinds === undefined) {
      const kindsWhere = (same: (listed: KernelName) => boolean): string[] => {
        const found = [...this.#lists.all()].filter((listed) => listed.entry.role === undefined && same(listed.name));
        return [...new Set(found.map(({ entry }) => entry.kind))];
      };
      kinds = kindsWhere((listed) => isNamed(name, listed));
      if (kinds.length === 0) kinds = kindsWhere((listed) => sameFunction(name, listed));
      this.#kinds.set(name, kinds);
    }
    return kinds;
  }
}
