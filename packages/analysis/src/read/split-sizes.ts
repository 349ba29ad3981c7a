/** Bytes of an element by what PyTorch calls its type. */
const ELEMENT_BYTES: readonly (readonly [RegExp, number])[] = [
  [/^(?:Float8|Byte|Char|Bool|Int8|UInt8)/i, 1],
  [/^(?:BFloat16|Half|Short)/i, 2],
  [/^(?:Float|Int)/i, 4],
  [/^(?:Double|Long)/i, 8],
];

/** A rank above this is none: no cluster has as many, and a row of bytes would not fit into memory. */
const MOST_RANKS = 1 << 20;

/** @returns a list as Kineto prints it, `[1, 2, 3]`; undefined where it is cut (`...`) or no list. */
function listOf(value: unknown): number[] | undefined {
  if (typeof value !== 'string' || !/^\[[\d, ]*\]$/.test(value)) return undefined;
  const numbers = (value.match(/\d+/g) ?? []).map(Number);
  return numbers.every((number) => Number.isSafeInteger(number)) ? numbers : undefined;
}

/** @returns the exact list that emulated traces have beside Kineto's, which is cut; undefined where there is none. */
function exactBytes(value: unknown): Float64Array | undefined {
  if (!Array.isArray(value) || value.length > MOST_RANKS) return undefined;
  const isBytes = (item: unknown): boolean => Number.isSafeInteger(item) && (item as number) >= 0;
  return value.every(isBytes) ? Float64Array.from(value as number[]) : undefined;
}

/**
 * @returns bytes by receiving rank that a kernel's args tell of (PyTorch adds them to NCCL's all_to_allv kernels);
 * undefined where they tell none, or print only part of a list.
 */
export function sentBytes(args: Readonly<Record<string, unknown>>): Float64Array | undefined {
  const exact = exactBytes(args['bytes to']);
  if (exact !== undefined) return exact;
  const sizes = listOf(args['In split size']);
  const { dtype } = args;
  if (sizes === undefined || typeof dtype !== 'string') return undefined;
  const bytes = ELEMENT_BYTES.find(([pattern]) => pattern.test(dtype))?.[1];
  const ranks = listOf(args['Process Group Ranks']);
  if (bytes === undefined || ranks?.length !== sizes.length) return undefined;
  const last = ranks.reduce((most, rank) => Math.max(most, rank), -1);
  if (last >= MOST_RANKS) return undefined;
  // Sizes count rows of the tensor; how long a row is follows from all elements.
  const rows = sizes.reduce((sum, size) => sum + size, 0);
  const elements = args['In msg nelems'];
  const perRow = typeof elements === 'number' && elements > 0 && rows > 0 ? elements / rows : 1;
  const sent = new Float64Array(last + 1);
  ranks.forEach((rank, index) => (sent[rank] += Math.round(sizes[index] * perRow * bytes)));
  return sent;
}
