import { mix32, totalOrder } from '@epemu/core';
import type { EventColumns } from '@epemu/timeline';

import { microseconds } from './json.js';

/**
 * Puts a rank's kernels into launch order: operations are launched one after the other, and within one the kernels in
 * the order in which they start.
 *
 * @returns row numbers of `events`.
 */
export function launchOrder(events: EventColumns): Uint32Array {
  const operation = events.column('operation');
  const start = events.column('startNs');
  const order = new Uint32Array(events.count);
  let sorted = true;
  for (let i = 0; i < order.length; i++) {
    order[i] = i;
    if (i === 0) continue;
    const step = operation[i] - operation[i - 1];
    if (step < 0 || (step === 0 && start[i] < start[i - 1])) sorted = false;
  }
  // The row number is a copy of `order`, so that kernels of zero length that start together keep the order of launch.
  return sorted ? order : totalOrder(order.length, operation, start, order);
}

/** When the host launched each kernel, in integer µs, indexed in launch order. */
export interface HostLaunches {
  readonly ts: Float64Array;
  readonly dur: Uint8Array;
}

/**
 * A model of the host thread, which the emulator otherwise leaves out: it launches in order, calls 2 to 5 µs apart, as
 * late as it can without any kernel waiting for its launch. Only before the first microseconds of a trace, where times
 * would turn negative, do calls share a time.
 */
export function hostLaunches(order: Uint32Array, startNs: Float64Array): HostLaunches {
  const ts = new Float64Array(order.length);
  const dur = new Uint8Array(order.length);
  let next = Number.MAX_SAFE_INTEGER;
  for (let i = order.length - 1; i >= 0; i--) {
    const latest = Math.min(microseconds(startNs[order[i]]), next);
    const gap = 2 + (mix32(i) & 3);
    const launch = Math.max(0, latest - gap);
    ts[i] = launch;
    dur[i] = Math.min(gap - 1, latest - launch);
    next = launch;
  }
  return { ts, dur };
}

/** Cuts launch order into operations: from the place of an operation's first kernel to that behind its last. */
export function* operationRanges(
  order: Uint32Array,
  operations: Float64Array,
): Generator<{ readonly id: number; readonly from: number; readonly to: number }, void, undefined> {
  for (let from = 0; from < order.length;) {
    const id = operations[order[from]];
    let to = from + 1;
    while (to < order.length && operations[order[to]] === id) to++;
    yield { id, from, to };
    from = to;
  }
}

/** First to last kernel of an operation on one stream, µs. */
interface Extent {
  readonly stream: number;
  readonly start: number;
  end: number;
}

/** @returns the extents of the kernels at these places in launch order, one per stream. */
export function streamExtents(events: EventColumns, order: Uint32Array, from: number, to: number): readonly Extent[] {
  const streams = events.column('stream');
  const starts = events.column('startNs');
  const ends = events.column('endNs');
  const extents: Extent[] = [];
  for (let i = from; i < to; i++) {
    const row = order[i];
    const stream = streams[row];
    const end = microseconds(ends[row]);
    const extent = extents.find((candidate) => candidate.stream === stream);
    if (extent === undefined) extents.push({ stream, start: microseconds(starts[row]), end });
    else extent.end = Math.max(extent.end, end);
  }
  return extents;
}
