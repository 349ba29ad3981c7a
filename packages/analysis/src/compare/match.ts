import { functionName, parseKernelName } from '@epemu/trace';
import { splitHalf } from '../halves/half-name.js';
import type { SideKernel, SidePhase } from './side.js';

/** Something that both sides have, or one of them. */
export interface Pair<Value> {
  readonly a: Value | null;
  readonly b: Value | null;
}

/** @returns values by key, of keys that are only one's. */
function single<Value>(values: Iterable<Value>, key: (value: Value) => string): Map<string, Value> {
  const found = new Map<string, Value>();
  const twice = new Set<string>();
  for (const value of values) {
    const name = key(value);
    if (found.has(name)) twice.add(name);
    found.set(name, value);
  }
  for (const name of twice) found.delete(name);
  return found;
}

/**
 * Pairs what two sides have by keys, the strictest first: what a later key says of several is not paired by it.
 *
 * @returns pairs in the order of A, then what only B has in the order of B.
 */
export function paired<Value>(
  a: readonly Value[],
  b: readonly Value[],
  keys: readonly ((value: Value) => string)[],
): Pair<Value>[] {
  const partner = new Map<Value, Value>();
  const [leftA, leftB] = [new Set(a), new Set(b)];
  for (const key of keys) {
    const [inA, inB] = [single(leftA, key), single(leftB, key)];
    for (const [name, one] of inA) {
      const other = inB.get(name);
      if (other === undefined) continue;
      partner.set(one, other);
      leftA.delete(one);
      leftB.delete(other);
    }
  }
  return [
    ...a.map((one): Pair<Value> => ({ a: one, b: partner.get(one) ?? null })),
    ...b.filter((other) => leftB.has(other)).map((other): Pair<Value> => ({ a: null, b: other })),
  ];
}

/** Pairs phases by name; in another case, or with other spaces, where that is no other phase's name. */
export function pairedPhases(a: readonly SidePhase[], b: readonly SidePhase[]): Pair<SidePhase>[] {
  const where = ({ kind }: SidePhase): string => (kind === 'network' ? 'network' : 'stream');
  return paired(a, b, [
    (phase) => `${where(phase)} ${phase.name}`,
    (phase) => `${where(phase)} ${phase.name.toLowerCase().replace(/\s+/g, ' ').trim()}`,
  ]);
}

/** Kernels of one name whatever library, template and parameters are written beside it. */
export interface NamedKernels extends SideKernel {
  /** The last two parts of the qualified name, `internode::dispatch`. */
  readonly name: string;
}

/** Halves of low-latency collectives, which emulated traces name, and DeepEP's own launches of one kernel do not. */
const HALF = /(?<=^internode_ll::(?:dispatch|combine))_(?:send|recv)$/;
const BOTH_HALVES = /^internode_ll::(dispatch|combine)$/;

/** @returns the name of a function that its kernels have in every trace: `internode::dispatch`. */
function commonName(kernel: string): string {
  return parseKernelName(splitHalf(kernel).traced).path.slice(-2).join('::').replace(HALF, '');
}

/** @returns kernels of one common name and kind together. */
export function byCommonName(kernels: readonly SideKernel[]): NamedKernels[] {
  const sums = new Map<string, NamedKernels>();
  for (const kernel of kernels) {
    // Copies and fills are not functions: CUPTI's names say it all.
    const name = kernel.class === 'memory' ? kernel.name : commonName(kernel.name);
    const key = `${kernel.class} ${name}`;
    const before = sums.get(key);
    // Halves of different categories are together the collective.
    const isSplit = before !== undefined && before.category !== kernel.category;
    const whole = isSplit ? BOTH_HALVES.exec(name)?.[1] : undefined;
    const category = whole ?? before?.category ?? kernel.category;
    sums.set(key, {
      ...{ name, class: kernel.class, category },
      count: (before?.count ?? 0) + kernel.count,
      totalUs: (before?.totalUs ?? 0) + kernel.totalUs,
    });
  }
  return [...sums.values()];
}

/** Pairs kernels by common name; by the function alone where that is one on each side and says what it does. */
export function pairedKernels(a: readonly SideKernel[], b: readonly SideKernel[]): Pair<NamedKernels>[] {
  return paired(byCommonName(a), byCommonName(b), [
    ({ class: kernelClass, name }) => `${kernelClass} ${name}`,
    ({ class: kernelClass, name }) =>
      `${kernelClass} ${kernelClass === 'memory' ? name : functionName(parseKernelName(name))}`,
  ]);
}

/** @returns kernels of one category together. */
export function byCategory(kernels: readonly SideKernel[]): SideKernel[] {
  const sums = new Map<string, SideKernel>();
  for (const { class: kernelClass, category, count, totalUs } of kernels) {
    const key = `${kernelClass} ${category}`;
    const before = sums.get(key);
    sums.set(key, {
      ...{ name: category, class: kernelClass, category },
      count: (before?.count ?? 0) + count,
      totalUs: (before?.totalUs ?? 0) + totalUs,
    });
  }
  return [...sums.values()];
}
