import type { HardwarePreset } from '@epemu/presets';
import { together } from './duration.js';

/**
 * How kernels that follow each other are launched: as one graph that was captured before; one by one by a framework
 * (`eager`); or so, and again and again without waiting for their end (`eager-repeated`).
 */
export type LaunchMode = 'graph' | 'eager' | 'eager-repeated';

/**
 * Time from the first launch to the last end of kernels that follow each other on a GPU that was idle. The CPU launches
 * one after the other, and a kernel starts when it is launched and the one before it has ended. Repeated, it is the time
 * of CPU or GPU, whichever takes longer, and some more where both take as long: neither waits for the other all the time.
 *
 * @param durationsNs of the kernels, in order.
 * @returns ns.
 */
export function moduleNs(hardware: HardwarePreset, durationsNs: readonly number[], mode: LaunchMode): number {
  const { host } = hardware;
  const gapNs = host.graphGapNs ?? hardware.kernelGapNs;
  const launchNs = mode === 'graph' ? 0 : (host.moduleLaunchNs ?? host.eagerLaunchNs ?? host.kernelLaunchNs);
  if (mode === 'eager-repeated') {
    const busyNs = durationsNs.reduce((sum, durationNs) => sum + durationNs + gapNs, 0);
    return together(busyNs, durationsNs.length * launchNs);
  }
  let endNs = 0;
  durationsNs.forEach((durationNs, index) => {
    endNs = Math.max(endNs + gapNs, (index + 1) * launchNs) + durationNs;
  });
  return endNs;
}
