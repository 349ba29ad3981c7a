import { readTraceEvents } from '@epemu/trace';

/** A tensor that an operator was called with. */
export interface Tensor {
  readonly dims: readonly number[];
  /** Bytes of an element. */
  readonly bytes: number;
  /** As the profiler writes it: `c10::BFloat16`. */
  readonly type: string;
}

/** An operator of the framework that launched kernels, recorded with shapes. */
export interface Operator {
  /** `aten::mm` */
  readonly name: string;
  /** Its arguments that are tensors of known shape and type, in order. */
  readonly tensors: readonly Tensor[];
}

/** Bytes of an element by the type's name in traces. */
const TYPE_BYTES: Readonly<Record<string, number>> = {
  double: 8,
  float: 4,
  'c10::Half': 2,
  'c10::BFloat16': 2,
  'c10::Float8_e4m3fn': 1,
  'c10::Float8_e5m2': 1,
  long: 8,
  'long int': 8,
  int: 4,
  short: 2,
  'short int': 2,
  char: 1,
  'signed char': 1,
  'unsigned char': 1,
  bool: 1,
};

/** @returns the tensors among an operator's arguments: those with a list of sizes and a known type. */
export function tensorsOf(dims: unknown, types: unknown): Tensor[] {
  if (!Array.isArray(dims) || !Array.isArray(types)) return [];
  const tensors: Tensor[] = [];
  dims.forEach((sizes: unknown, index) => {
    const type: unknown = types[index];
    if (!Array.isArray(sizes) || typeof type !== 'string' || !Object.hasOwn(TYPE_BYTES, type)) return;
    if (!sizes.every((size): size is number => typeof size === 'number')) return;
    tensors.push({ dims: sizes, bytes: TYPE_BYTES[type], type });
  });
  return tensors;
}

/**
 * Reads a trace a second time for the operators that launched some kernels, so that the many others are never held.
 *
 * @param ids external ids of those kernels.
 * @returns by external id, those recorded with shapes.
 * @throws BadInputError as the reader does.
 */
export async function readOperators(path: string, ids: ReadonlySet<number>): Promise<ReadonlyMap<number, Operator>> {
  const operators = new Map<number, Operator>();
  if (ids.size === 0) return operators;
  for await (const { cat, name, args } of readTraceEvents(path)) {
    if (cat !== 'cpu_op' || args === undefined) continue;
    const id = args['External id'];
    if (typeof id !== 'number' || !ids.has(id)) continue;
    const tensors = tensorsOf(args['Input Dims'], args['Input type']);
    if (tensors.length > 0) operators.set(id, { name, tensors });
  }
  return operators;
}
