import type { KernelRoles } from './kernel-role.js';
import type { KernelColumns, TraceStream } from './model.js';

/** @returns a rank's streams with what most of their time is. @param ids as traces number them, by stream index. */
export function streamsOf(
  ids: readonly (number | string)[],
  kernels: KernelColumns,
  names: readonly string[],
  roles: KernelRoles,
): TraceStream[] {
  const excess = new Float64Array(ids.length);
  const [starts, ends] = [kernels.column('startNs'), kernels.column('endNs')];
  const [streams, nameIndices] = [kernels.column('stream'), kernels.column('name')];
  for (let row = 0; row < kernels.count; row++) {
    const sign = roles.of(names[nameIndices[row]]).class === 'communication' ? 1 : -1;
    excess[streams[row]] += sign * (ends[row] - starts[row]);
  }
  return ids.map((id, index) => {
    return { id: String(id), name: `stream ${id}`, role: excess[index] > 0 ? 'communication' : 'computation' };
  });
}
