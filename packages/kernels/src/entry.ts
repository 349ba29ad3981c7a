import * as z from 'zod';

/** A number, or an expression over sizes; see docs/kernels.md for the sizes there are. */
const FORMULA = z.union([z.number(), z.string().min(1)]);
const DIMENSIONS = z.tuple([FORMULA, FORMULA, FORMULA]);

/** A kernel of a phase: what a profiler shows of it, and the shape that its time follows from. */
export const KERNEL_ENTRY_SCHEMA = z.strictObject({
  /** As it stands in traces. */
  name: z.string().min(1),
  /** Which of several kernels of that name it is: `q_a`, `shared w13`. */
  label: z.string().min(1).optional(),
  class: z.enum(['compute', 'communication']).default('compute'),
  category: z.string().min(1),
  /** Key of the hardware preset's `kernels`. */
  kind: z.string().min(1),
  /** What the kernel does beyond taking its time: the synchronisation or the transfer of a collective. */
  role: z.enum(['notify', 'transfer']).optional(),
  /** The kernel is there where this is not 0. */
  when: FORMULA.optional(),
  /** How many times it stands in a row, such as once for each expert; instance i works on `rowsOfExpert` i. */
  repeat: FORMULA.optional(),
  /** Stream of every second instance. */
  alternateStream: z.int().positive().optional(),
  /** Stream, where it is not the phase's own. */
  stream: z.int().positive().optional(),
  /** Label of an earlier kernel whose last instance on another stream this one waits for. */
  after: z.string().optional(),
  /** Matrix products: m × k by k × n, and how many matrices of k × n there are in all (default 1). */
  m: FORMULA.optional(),
  n: FORMULA.optional(),
  k: FORMULA.optional(),
  weights: FORMULA.optional(),
  /** Each of the matrices is an expert's, and has that expert's rows; `m` and `weights` stand in where they are not known. */
  experts: z.literal(true).optional(),
  /** Attention: (query, key) pairs, query heads, and the width of a key and of a value. */
  pairs: FORMULA.optional(),
  heads: FORMULA.optional(),
  qk: FORMULA.optional(),
  v: FORMULA.optional(),
  /** Keys that one query attends to. */
  keys: FORMULA.optional(),
  /** Tiles of queries, over all heads. */
  tiles: FORMULA.optional(),
  /** Bytes read and written; where `model` is memory, and of attention where memory may bind. */
  bytes: FORMULA.optional(),
  grid: DIMENSIONS,
  block: DIMENSIONS,
});

/** Kernels of phases, in launch order, by name of the list. */
export const KERNEL_LISTS_SCHEMA = z.record(z.string(), z.array(KERNEL_ENTRY_SCHEMA).min(1));

export type KernelEntry = Readonly<z.infer<typeof KERNEL_ENTRY_SCHEMA>>;
export type KernelLists = Readonly<Record<string, readonly KernelEntry[]>>;
