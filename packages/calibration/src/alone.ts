import { kernelShares } from '@epemu/kernels';
import type { HardwarePreset } from '@epemu/presets';
import type { Collective } from './collectives.js';
import type { PlacedKernel } from './placement.js';
import type { TracedKernel } from './traced-kernel.js';

/** Merges intervals. @param sorted ascending by start. */
function merged(sorted: readonly (readonly [number, number])[]): [number, number][] {
  const union: [number, number][] = [];
  for (const [start, end] of sorted) {
    const last = union.at(-1);
    if (last !== undefined && start <= last[1]) last[1] = Math.max(last[1], end);
    else union.push([start, end]);
  }
  return union;
}

/**
 * @returns by kernel index, for all kernels that are no collectives: the share of its time in which a collective on its GPU
 *   held SMs for its bytes.
 */
export function togetherShares(
  kernels: readonly TracedKernel[],
  collectives: ReadonlyMap<number, Collective>,
): Map<number, number> {
  const byGpu = new Map<number | string, [number, number][]>();
  for (const [index, { holdsSms }] of collectives) {
    if (!holdsSms) continue;
    const { pid, startUs, durationUs } = kernels[index];
    const list = byGpu.get(pid) ?? [];
    byGpu.set(pid, list);
    list.push([startUs, startUs + durationUs]);
  }
  for (const [pid, list] of byGpu) byGpu.set(pid, merged(list.sort((a, b) => a[0] - b[0])));
  const shares = new Map<number, number>();
  kernels.forEach(({ pid, startUs, durationUs }, index) => {
    if (collectives.has(index)) return;
    const endUs = startUs + durationUs;
    let overlap = 0;
    for (const [from, to] of byGpu.get(pid) ?? []) {
      if (from >= endUs) break;
      overlap += Math.max(0, Math.min(endUs, to) - Math.max(startUs, from));
    }
    shares.set(index, durationUs > 0 ? Math.min(1, overlap / durationUs) : 0);
  });
  return shares;
}

/**
 * @param hardware whose law of sharing it is, and whose rates tell how much of a kernel's time its bytes are.
 * @param transferSms SMs that collectives held.
 * @returns the kernels with the times that they would have taken without collectives beside them.
 */
export function alone(placed: readonly PlacedKernel[], hardware: HardwarePreset, transferSms: number): PlacedKernel[] {
  return placed.map((kernel) => {
    if (kernel.together === 0) return kernel;
    const { kind, shape, sms, together } = kernel;
    const { soloNs, besideNs } = kernelShares(hardware, hardware.kernels[kind], shape, sms, transferSms);
    return { ...kernel, ns: kernel.ns * (1 - together + (together * soloNs) / besideNs) };
  });
}
