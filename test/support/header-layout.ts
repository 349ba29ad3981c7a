/** Integers of a segment in a header: origin, destination, number, tokens, bytes, first-byte ns, last-byte ns. */
export const SEGMENT_INTEGERS = 7;
export const FIRST_BYTE = 5;
export const LAST_BYTE = 6;

/** A header's segments as rows of integers; what stands behind them is left out. */
export function segmentsOf(integers: readonly number[]): number[][] {
  return Array.from({ length: integers[0] }, (_, i) =>
    integers.slice(1 + i * SEGMENT_INTEGERS, 1 + (i + 1) * SEGMENT_INTEGERS),
  );
}

/** @returns a header's integers with the times of its i-th segment moved by `shift(firstByteNs, i)`. */
export function shifted(
  integers: readonly number[],
  shift: (firstByteNs: number, segment: number) => number,
): number[] {
  const result = [...integers];
  for (let i = 0; i < integers[0]; i++) {
    const at = 1 + i * SEGMENT_INTEGERS;
    const ns = shift(integers[at + FIRST_BYTE], i);
    result[at + FIRST_BYTE] += ns;
    result[at + LAST_BYTE] += ns;
  }
  return result;
}
