import { clip, mergeIntervals, subtract, unite } from '@epemu/timeline';
import type { Intervals, RankView, TimeWindow } from '@epemu/timeline';

import { microseconds, THREAD_METADATA_EVENTS, threadMetadata } from './json.js';
import type { EventText } from './merged-text.js';
import { TRACKS_TID } from './run.js';

/** Rows that show how a rank hides its communication, from the top. */
const TRACKS = ['computing', 'communicating', 'exposed', 'idle'] as const;

/** Gaps that may be closed where tracks must be short, ns: from none to what no layer has. */
const JOINS_NS = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].map((us) => us * 1000);

/** How tracks are written. */
export interface TrackOptions {
  /** Gaps below this are closed, and pieces below this left out, ns; 0: all is there, with its exact times. */
  readonly joinNs: number;
  /** What is shown of the rank; all where it is left out. */
  readonly span?: TimeWindow | undefined;
}

function shown(intervals: Intervals, span: TimeWindow | undefined): Intervals {
  return span === undefined ? intervals : clip(intervals, span.startNs, span.endNs);
}

function joined({ starts, ends }: Intervals, joinNs: number): Intervals {
  if (joinNs === 0 || starts.length === 0) return { starts, ends };
  const opens = Array.from(starts.keys()).filter((i) => i === 0 || starts[i] - ends[i - 1] >= joinNs);
  const closes = opens.map((_, place) => ends[(opens[place + 1] ?? starts.length) - 1]);
  return mergeIntervals(
    opens.map((i) => starts[i]),
    closes,
  );
}

/** @returns what a rank does by row, by the definitions of the report: intervals merged over all streams. */
function rowsOf(view: RankView, joinNs: number): readonly Intervals[] {
  const compute = joined(view.compute, joinNs);
  const communication = joined(view.communication, joinNs);
  const busy = joined(unite(unite(compute, communication), view.memory), joinNs);
  const last = busy.ends.length - 1;
  const span = last < 0 ? busy : mergeIntervals([busy.starts[0]], [busy.ends[last]]);
  return [compute, communication, subtract(communication, compute), subtract(span, busy)];
}

/** @returns names of the tracks' rows, above those of the streams. */
export function trackMetadata(pid: number): EventText {
  const text = TRACKS.map((name, row) => threadMetadata(pid, TRACKS_TID + row, name, row)).join('');
  return { text, count: TRACKS.length * THREAD_METADATA_EVENTS };
}

/**
 * A rank's tracks: what it computes, communicates, has exposed and is idle for, and a counter of the exposed time since its
 * begin, which is exact whatever is closed. They are pairs of B and E, for analysers count complete events (X): HTA drops what
 * has no `dur`, TensorBoard's plugin and epemu read nothing else; an X without a category would end the plugin.
 */
export function trackEvents(view: RankView, pid: number, { joinNs, span }: TrackOptions): EventText {
  const pieces: string[] = [];
  rowsOf(view, joinNs).forEach((intervals, row) => {
    const { starts, ends } = shown(intervals, span);
    const name = TRACKS[row];
    const track = `"name":"${name}","pid":${pid},"tid":${TRACKS_TID + row},"ts":`;
    for (let i = 0; i < starts.length; i++) {
      const [start, end] = [microseconds(starts[i]), microseconds(ends[i])];
      // What rounds to nothing would be a line, and make idle rows of gaps between the kernels of a graph.
      if (start === end || ends[i] - starts[i] < joinNs) continue;
      const exact = joinNs === 0 ? `,"args":{"start ns":${starts[i]},"end ns":${ends[i]}}` : '';
      pieces.push(`,\n{"ph":"B",${track}${start}${exact}},\n{"ph":"E",${track}${end}}`);
    }
  });
  const counter = counterEvents(view, pid, { joinNs, span });
  return { text: pieces.join('') + counter.join(''), count: 2 * pieces.length + counter.length };
}

/** Exposed time so far at the end of each piece, µs; the last is the rank's. */
function counterEvents(view: RankView, pid: number, { joinNs, span }: TrackOptions): string[] {
  const { starts, ends } = shown(subtract(view.communication, view.compute), span);
  const track = `,\n{"ph":"C","name":"exposed time","pid":${pid},"tid":${TRACKS_TID + TRACKS.indexOf('exposed')},"ts":`;
  const [first] = shown(unite(view.compute, view.communication), span).starts;
  const points = (first as number | undefined) === undefined ? [] : [`${track}${microseconds(first)},"args":{"us":0}}`];
  let totalNs = 0;
  let toldNs = 0;
  for (let i = 0; i < starts.length; i++) {
    totalNs += ends[i] - starts[i];
    const isLast = i === starts.length - 1;
    if (!isLast && totalNs - toldNs < Math.max(1, joinNs)) continue;
    points.push(`${track}${microseconds(ends[i])},"args":{"us":${totalNs / 1000}}}`);
    toldNs = totalNs;
  }
  return points;
}

/** Tracks of the ranks of a merged trace, each of which has the same room. */
export class FittedTracks {
  #joinedBelowNs = 0;
  #leftOut = 0;
  readonly #roomBytes: number;

  constructor(roomBytes: number) {
    this.#roomBytes = roomBytes;
  }

  /** What was left out of them. */
  get thinning(): Record<string, unknown> {
    return {
      joinedBelowNs: this.#joinedBelowNs,
      ranksWithout: this.#leftOut,
      rule: 'gaps, and then pieces, shorter than joinedBelowNs are left out; the counter counts all',
    };
  }

  /** @returns a rank's tracks, with as few gaps closed as they must be to fit; nothing where all would not help. */
  of(view: RankView, pid: number, span?: TimeWindow): EventText {
    for (const joinNs of JOINS_NS) {
      const text = trackEvents(view, pid, { joinNs, span });
      if (text.text.length > this.#roomBytes) continue;
      this.#joinedBelowNs = Math.max(this.#joinedBelowNs, joinNs);
      return text;
    }
    this.#leftOut++;
    return { text: '', count: 0 };
  }
}

/** @returns bytes that hold a rank's tracks as exactly as `mostBytes` allow, with some room for ranks that have more. */
export function trackRoom(view: RankView, pid: number, span: TimeWindow | undefined, mostBytes: number): number {
  const needed = new FittedTracks(mostBytes).of(view, pid, span).text.length;
  return Math.min(mostBytes, 1.25 * needed);
}
