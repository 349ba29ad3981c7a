import type { KernelShape } from '@epemu/kernels';
import type { Operator, Tensor } from './operators.js';

const NO_WORK: KernelShape = { m: 0, n: 0, k: 0, weights: 1, flops: 0, bytes: 0 };

/** Operators that write their first tensor without reading it. */
const WRITES_FIRST = /^aten::(?:copy_|fill_|zero_|normal_|uniform_|random_|bernoulli_|exponential_)$/;
/** Operators whose first tensor is a bias. */
const BIAS_FIRST: ReadonlySet<string> = new Set(['aten::addmm', 'aten::baddbmm']);

/** The matrix product that an operator's tensors make. */
export interface OperatorProduct {
  readonly shape: KernelShape;
  /** Type of the operands: `c10::BFloat16`. */
  readonly type: string;
  /** One product, one matrix for each of several groups of rows, or several products of the same size. */
  readonly form: 'single' | 'grouped' | 'batched';
}

function volume({ dims }: Tensor): number {
  return dims.reduce((product, size) => product * size, 1);
}

function productOf(a: Tensor, b: Tensor): OperatorProduct | undefined {
  const { type } = a;
  const [rank, otherRank] = [a.dims.length, b.dims.length];
  if (rank === 2 && otherRank === 2 && a.dims[1] === b.dims[0]) {
    return { type, form: 'single', shape: { ...NO_WORK, m: a.dims[0], n: b.dims[1], k: a.dims[1] } };
  }
  if (rank === 2 && otherRank === 3 && a.dims[1] === b.dims[1]) {
    const shape = { ...NO_WORK, m: a.dims[0], n: b.dims[2], k: a.dims[1], weights: b.dims[0] };
    return { type, form: 'grouped', shape };
  }
  if (rank === 3 && otherRank === 3 && a.dims[0] === b.dims[0] && a.dims[2] === b.dims[1]) {
    const [batch, m, k] = a.dims;
    const n = b.dims[2];
    const bytes = volume(a) * a.bytes + volume(b) * b.bytes + batch * m * n * a.bytes;
    return { type, form: 'batched', shape: { ...NO_WORK, m: batch * m, n, k, weights: batch, bytes } };
  }
  return undefined;
}

/** @returns the matrix product of an operator such as `aten::mm`, from its first two tensors that can be multiplied. */
export function operatorProduct({ name, tensors }: Operator): OperatorProduct | undefined {
  for (let i = BIAS_FIRST.has(name) ? 1 : 0; i + 1 < tensors.length; i++) {
    const product = productOf(tensors[i], tensors[i + 1]);
    // One of no rows or columns does no work that a rate could be told from.
    if (product !== undefined && product.shape.m * product.shape.n * product.shape.k > 0) return product;
  }
  return undefined;
}

/**
 * Bytes that an operator's kernel reads and writes, by its tensors: all of them, and a result as large as the largest.
 * Operators in place write their first tensor; the result of a reduction is small.
 */
export function operatorBytes({ name, tensors }: Operator, isReduction: boolean): number {
  const sizes = tensors.map((tensor) => volume(tensor) * tensor.bytes);
  const inputs = sizes.reduce((sum, size) => sum + size, 0);
  if (isReduction || WRITES_FIRST.test(name)) return inputs;
  return inputs + (name.endsWith('_') ? (sizes[0] ?? 0) : Math.max(0, ...sizes));
}

/** @returns the shape of a kernel that memory binds. */
export function memoryShape(bytes: number): KernelShape {
  return { ...NO_WORK, bytes };
}
