import { Coverage, lengthOf, mergeIntervals } from '@epemu/timeline';
import type { RankStream, RankView } from '@epemu/timeline';

/** One run of a phase on one rank, or one background transfer. Times are ns. */
export interface PhaseTime {
  readonly phase: string;
  /** Undefined where the trace does not say, and for phases of no layer. */
  readonly layer: number | undefined;
  /** Stream that it starts on; undefined for a background transfer. */
  readonly stream: RankStream | undefined;
  readonly startNs: number;
  readonly endNs: number;
  /** While at least one of its kernels ran. */
  readonly busyNs: number;
  /** Of its communication kernels, while no compute of the rank ran. */
  readonly exposedNs: number;
}

/** @returns the times of a rank's phases in the order in which they start, then of its background transfers. */
export function* phaseTimes(view: RankView): Generator<PhaseTime> {
  const { kernels, streams, instances, transfers } = view.content;
  const compute = new Coverage(view.compute);
  const { startNs: starts, endNs: ends } = kernels;
  const layers = new Map<number, number | undefined>();
  for (const { phase, rows, startNs, endNs, stream, operation, layer: number } of instances) {
    const layer = number === undefined || number < 0 ? undefined : number;
    if (operation !== undefined) layers.set(operation, layer);
    const busy = mergeIntervals(
      rows.map((row) => starts[row]),
      rows.map((row) => ends[row]),
    );
    let exposedNs = 0;
    for (const row of rows) {
      if (view.class(row) !== 'communication') continue;
      exposedNs += ends[row] - starts[row] - compute.within(starts[row], ends[row]);
    }
    yield { phase, layer, stream: streams[stream], startNs, endNs, busyNs: lengthOf(busy), exposedNs };
  }
  for (const { phase, startNs, endNs, operation } of transfers) {
    const busyNs = endNs - startNs;
    // A background transfer is of the layer of the operation that issued it.
    const layer = operation === undefined ? undefined : layers.get(operation);
    const exposedNs = busyNs - compute.within(startNs, endNs);
    yield { phase, layer, stream: undefined, startNs, endNs, busyNs, exposedNs };
  }
}
