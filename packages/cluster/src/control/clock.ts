/** Host time of this process in ns, monotonic. Its zero differs from process to process. */
export function hostNs(): number {
  return Number(process.hrtime.bigint());
}

/** One exchange of a ping and its pong. */
export interface ClockSample {
  readonly sentNs: number;
  readonly workerNs: number;
  readonly receivedNs: number;
}

/**
 * @returns what to add to the worker's clock to get the coordinator's: from the sample with the shortest round trip,
 * whose midpoint errs by at most half of it.
 */
export function clockOffsetNs(samples: readonly ClockSample[]): number {
  let best: ClockSample | undefined;
  for (const sample of samples) {
    if (best === undefined || sample.receivedNs - sample.sentNs < best.receivedNs - best.sentNs) best = sample;
  }
  return best === undefined ? 0 : Math.round((best.sentNs + best.receivedNs) / 2 - best.workerNs);
}
