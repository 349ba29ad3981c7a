import type { KernelColumns, KernelIdentity, RankStream } from '@epemu/timeline';

/**
 * Tells what streams of a captured rank are for: communication where that is most of their kernels and of their time: by time alone a stream that
 * computes and waits for a slow rank would be one for communication.
 *
 * @param ids as traces number them, by stream index.
 * @returns a rank's streams with what they are for.
 */
export function streamsOf(
  ids: readonly (number | string)[],
  { count, startNs, endNs, stream, kernel }: KernelColumns,
  identities: readonly KernelIdentity[],
): RankStream[] {
  const excessNs = new Float64Array(ids.length);
  const excess = new Float64Array(ids.length);
  for (let row = 0; row < count; row++) {
    const { class: kernelClass } = identities[kernel[row]];
    const sign = kernelClass === 'communication' ? 1 : -1;
    excessNs[stream[row]] += sign * (endNs[row] - startNs[row]);
    if (kernelClass !== 'memory') excess[stream[row]] += sign;
  }
  return ids.map((id, index) => {
    const isFor = excess[index] > 0 && excessNs[index] > 0 ? 'communication' : 'computation';
    return { id: String(id), name: `stream ${id}`, role: isFor };
  });
}
