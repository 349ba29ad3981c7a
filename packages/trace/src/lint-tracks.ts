import { Columns } from '@epemu/core';

import type { TraceEvent } from './event.js';
import type { LintReport } from './lint-rules.js';

/** @returns by how much an end may be off: ts and dur are rounded each, and their sum is. Whole µs are exact. */
function rounding(time: number): number {
  return Number.isInteger(time) && time < 1e15 ? 0 : 4 * Number.EPSILON * time;
}

/** Slices and flow ends of one thread, as columns: a million events must fit. */
class Track {
  readonly slices = new Columns(['start', 'end', 'index']);
  readonly flowEnds = new Columns(['ts', 'index']);
  named = false;
  firstIndex = -1;
  begins = 0;
  ends = 0;

  /** Checks that slices nest. @returns their rows, outer before inner. */
  nest(report: LintReport): Uint32Array {
    const start = this.slices.column('start');
    const end = this.slices.column('end');
    const index = this.slices.column('index');
    const order = new Uint32Array(this.slices.count);
    for (let i = 0; i < order.length; i++) order[i] = i;
    order.sort((a, b) => start[a] - start[b] || end[b] - end[a] || a - b);
    const open: number[] = [];
    for (const row of order) {
      while (open.length > 0 && open.at(-1)! <= start[row]) open.pop();
      const around = open.at(-1);
      if (around !== undefined && end[row] > around + rounding(around)) {
        report.add(
          'slices-nest',
          index[row],
          () => `the slice from ${start[row]} to ${end[row]} overlaps one that ends at ${around}`,
        );
      } else open.push(end[row]);
    }
    return order;
  }

  /**
   * Checks that each flow end lies in a slice.
   *
   * @param order of the slices, outer before inner.
   * @param boundTo by index of the event: is given the start of the slice that Perfetto binds it to, the last to begin; one
   *   that is over counts until the next begins.
   */
  bind(report: LintReport, order: Uint32Array, boundTo: Float64Array): void {
    const start = this.slices.column('start');
    const end = this.slices.column('end');
    // An end without a time comes before everything, and is in no slice.
    const ts = this.flowEnds.column('ts').map((time) => (Number.isNaN(time) ? Number.NEGATIVE_INFINITY : time));
    const index = this.flowEnds.column('index');
    const ends = Uint32Array.from(ts, (_, i) => i).sort((a, b) => ts[a] - ts[b] || a - b);
    const open: number[] = [];
    let next = 0;
    for (const i of ends) {
      for (; next < order.length && start[order[next]] <= ts[i]; next++) {
        while (open.length > 0 && end[open.at(-1)!] <= start[order[next]]) open.pop();
        open.push(order[next]);
      }
      const last = open.at(-1);
      if (last !== undefined) boundTo[index[i]] = start[last];
      if (open.some((row) => end[row] >= ts[i])) continue;
      report.add('flow-bound', index[i], () => `no slice of its thread holds the flow's end at ${ts[i]}`);
    }
  }
}

interface Process {
  named: boolean;
  readonly tracks: Map<number | string, Track>;
}

/** Rules about processes, threads and the slices on them. */
export class TrackRules {
  readonly #processes = new Map<number | string, Process>();

  /** Takes the next event. */
  add(event: TraceEvent, index: number): void {
    let process = this.#processes.get(event.pid);
    if (process === undefined) this.#processes.set(event.pid, (process = { named: false, tracks: new Map() }));
    if (event.ph === 'M' && event.name !== 'thread_name') {
      if (event.name === 'process_name') process.named = true;
      return;
    }
    let track = process.tracks.get(event.tid);
    if (track === undefined) process.tracks.set(event.tid, (track = new Track()));
    if (event.ph === 'M') {
      track.named = true;
      return;
    }
    if (track.firstIndex < 0) track.firstIndex = index;
    const ts = event.ts ?? Number.NaN;
    if (event.ph === 'X') track.slices.push(ts, ts + (event.dur ?? 0), index);
    else if (event.ph === 'B') track.begins++;
    else if (event.ph === 'E') track.ends++;
    else if (event.ph === 's' || event.ph === 'f' || event.ph === 't') track.flowEnds.push(ts, index);
  }

  /** Checks what only the whole trace shows. @param boundTo see {@link Track.bind}. */
  finish(report: LintReport, boundTo: Float64Array): void {
    for (const [pid, { named, tracks }] of this.#processes) {
      const used = [...tracks.values()].filter(({ firstIndex }) => firstIndex >= 0);
      if (used.length > 0 && !named) {
        const first = Math.min(...used.map(({ firstIndex }) => firstIndex));
        report.add('process-named', first, () => `process ${JSON.stringify(pid)} has events and no process_name`);
      }
      for (const [tid, track] of tracks) {
        if (track.firstIndex < 0) continue;
        const where = `thread ${JSON.stringify(tid)} of process ${JSON.stringify(pid)}`;
        const { begins, ends } = track;
        if (begins !== ends) {
          report.add('begin-end-paired', track.firstIndex, () => `${where} has ${begins} B and ${ends} E`);
        }
        if (!track.named) {
          report.add('thread-named', track.firstIndex, () => `${where} has events and no thread_name`);
        }
        const nested = track.nest(report);
        // Arrows bind to slices of B and E too, which are not kept.
        if (begins === 0) track.bind(report, nested, boundTo);
      }
    }
  }
}
