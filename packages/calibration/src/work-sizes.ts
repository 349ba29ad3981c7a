import type { ListedKernel } from './listed-kernels.js';
import type { TracedKernel } from './traced-kernel.js';

/** Sizes that no model gives, and grids do. */
const SOLVED = ['tokens', 'paddedRows', 'receivedTokens', 'expertRows', 'localExperts'] as const;
export type SolvedSize = (typeof SOLVED)[number];
/** Without those that no grid gives. */
export type SolvedSizes = Readonly<Partial<Record<SolvedSize, number>>>;

/** A size alone, or over a number: `tokens`, `paddedRows / 128`. */
const SIZE = /^(\w+)(?: \/ (\d+))?$/;
/** Experts' rows begin at multiples of this many; see the kernels package. */
const ROW_ALIGNMENT = 128;

/** @returns the most frequent value, the first seen of several; undefined of none. */
export function mostFrequent(values: readonly number[]): number | undefined {
  const counts = new Map<number, number>();
  let most: number | undefined;
  for (const value of values) {
    const count = (counts.get(value) ?? 0) + 1;
    counts.set(value, count);
    if (most === undefined || count > counts.get(most)!) most = value;
  }
  return most;
}

/** Leaves out the sizes that have no value. */
function sizesOf(valueOf: (size: SolvedSize) => number | undefined): SolvedSizes {
  const sizes: Partial<Record<SolvedSize, number>> = {};
  for (const size of SOLVED) {
    const value = valueOf(size);
    if (value !== undefined) sizes[size] = value;
  }
  return sizes;
}

/**
 * Solves the launch dimensions of a phase's kernels for the sizes in them. One that is exactly a size decides; else the
 * finest that is a size over a number, which may have been rounded up.
 */
export function solveSizes(pairs: readonly (readonly [TracedKernel, ListedKernel])[]): SolvedSizes {
  const found: { size: SolvedSize; divisor: number; value: number }[] = [];
  for (const [{ grid }, { entry }] of pairs) {
    entry.grid.forEach((source, dimension) => {
      const [, name, over] = SIZE.exec(String(source)) ?? [];
      const size = SOLVED.find((known) => known === name);
      const blocks = grid?.[dimension];
      const divisor = Number(over ?? 1);
      if (size !== undefined && blocks !== undefined) found.push({ size, divisor, value: blocks * divisor });
    });
  }
  return sizesOf((size) => {
    const all = found.filter((one) => one.size === size);
    const finest = Math.min(...all.map(({ divisor }) => divisor));
    return mostFrequent(all.filter(({ divisor }) => divisor === finest).map(({ value }) => value));
  });
}

/** @returns for each size the value that most phases have. */
export function frequentSizes(all: readonly SolvedSizes[]): SolvedSizes {
  return sizesOf((size) => mostFrequent(all.flatMap((sizes) => sizes[size] ?? [])));
}

/** @returns the padded rows of experts that received the same number each; undefined where none is known. */
export function paddedRowsOf({ paddedRows, expertRows }: SolvedSizes, localExperts: number): number | undefined {
  if (paddedRows !== undefined || expertRows === undefined) return paddedRows;
  return Math.ceil(expertRows / localExperts / ROW_ALIGNMENT) * ROW_ALIGNMENT * localExperts;
}
