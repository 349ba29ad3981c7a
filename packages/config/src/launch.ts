import type { Configuration } from './configuration.js';

/** What launching takes, integer ns. */
export interface LaunchCosts {
  /** Between the end of a kernel and the start of what waits for it, next kernels on a stream included. */
  readonly gapNs: number;
  /** What the CPU needs to launch one kernel, framework included. */
  readonly kernelLaunchNs: number;
  /** From a launch to the earliest start of its kernel. */
  readonly launchLatencyNs: number;
  /** From the end of a notify whose counts the CPU polls to its going on. */
  readonly notifyPollNs: number;
}

/**
 * @returns what launching takes as a run does it: kernel by kernel with gradients kept for (training), or without
 *   (inference), or as a captured graph.
 */
export function launchCosts({
  family,
  hardware,
  schedule,
}: Pick<Configuration, 'family' | 'hardware' | 'schedule'>): LaunchCosts {
  const { host, kernelGapNs } = hardware;
  const { launchLatencyNs, notifyPollNs } = host;
  const kernelLaunchNs = family === 'training' ? host.kernelLaunchNs : (host.eagerLaunchNs ?? host.kernelLaunchNs);
  const gapNs = schedule.launch === 'graph' ? (host.graphGapNs ?? kernelGapNs) : kernelGapNs;
  return { gapNs, kernelLaunchNs, launchLatencyNs, notifyPollNs };
}
