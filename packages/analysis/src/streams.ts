import type { KernelRoles } from './kernel-role.js';
import type { KernelColumns, TraceStream } from './model.js';

/**
 * Communication is what a stream is for where that is most of its kernels and of its time: by time alone a stream that
 * computes and waits for a slow rank would be one for communication.
 *
 * @param ids as traces number them, by stream index.
 * @returns a rank's streams with what they are for.
 */
export function streamsOf(
  ids: readonly (number | string)[],
  kernels: KernelColumns,
  names: readonly string[],
  roles: KernelRoles,
): TraceStream[] {
  const excessNs = new Float64Array(ids.length);
  const excess = new Float64Array(ids.length);
  const [starts, ends] = [kernels.column('startNs'), kernels.column('endNs')];
  const [streams, nameIndices] = [kernels.column('stream'), kernels.column('name')];
  for (let row = 0; row < kernels.count; row++) {
    const { class: kernelClass } = roles.of(names[nameIndices[row]]);
    const sign = kernelClass === 'communication' ? 1 : -1;
    excessNs[streams[row]] += sign * (ends[row] - starts[row]);
    if (kernelClass !== 'memory') excess[streams[row]] += sign;
  }
  return ids.map((id, index) => {
    const isFor = excess[index] > 0 && excessNs[index] > 0 ? 'communication' : 'computation';
    return { id: String(id), name: `stream ${id}`, role: isFor };
  });
}
