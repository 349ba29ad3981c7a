/**
 * Copies between arrays in shared memory and the kernel's blocks. Short rows are copied value by value: a `subarray`
 * costs more than sixteen assignments.
 */
const SHORT_ROW = 128;

/** Copies the rows `indices[from … from + count)` of `source` (width `hidden`) to the start of `target`. */
export function gatherRows(
  source: Float32Array,
  indices: Uint32Array,
  from: number,
  count: number,
  hidden: number,
  target: Float32Array,
): void {
  for (let row = 0; row < count; row++) {
    const start = indices[from + row] * hidden;
    const at = row * hidden;
    if (hidden <= SHORT_ROW) for (let i = 0; i < hidden; i++) target[at + i] = source[start + i]!;
    else target.set(source.subarray(start, start + hidden), at);
  }
}

/** target[at + i] += weight · source[start + i] for i < hidden, each rounded once. */
export function addScaled(
  target: Float32Array,
  at: number,
  source: Float32Array,
  start: number,
  hidden: number,
  weight: number,
): void {
  for (let i = 0; i < hidden; i++) target[at + i] = target[at + i] + weight * source[start + i];
}
