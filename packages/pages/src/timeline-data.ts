import type { AnalysedRanks, RankFigures } from '@epemu/analysis';
import { Columns } from '@epemu/core';
import type { RankView } from '@epemu/timeline';
import { LongestSlices, slicesInOrder } from './longest-slices.js';
import { SLICE_CLASSES } from './page-data.js';
import type { TimelineData } from './page-data.js';
import { Names, Tracks } from './timeline-tracks.js';

/** More slices than this make a page slow to load; the shortest kernels are left out then. */
export const MOST_SLICES = 200_000;
const MOST_FLOWS = 50_000;
const MOST_EXPOSED = 5_000;
/** Between any two kernels communication is exposed for a µs or two; marks for each would hide those that count. */
const LEAST_EXPOSED_NS = 4_000;

/** @returns what the timeline leaves out, in sentences. */
function noteOf(kernels: number, shortestNs: number, short: number, beyond: number): string {
  return [
    kernels === 0 ? '' : `${kernels} kernels shorter than ${(shortestNs / 1000).toFixed(1)} µs are not drawn.`,
    short === 0 ? '' : `${short} exposed pieces shorter than ${LEAST_EXPOSED_NS / 1000} µs are not marked.`,
    beyond === 0 ? '' : `${beyond} exposed pieces that are not among the longest of their rank are not marked.`,
  ]
    .filter((sentence) => sentence !== '')
    .join(' ');
}

/** Phases and background transfers, which are never left out. */
const PHASE_COLUMNS = ['track', 'startNs', 'ns', 'name'] as const;

/** An exposed piece that may be marked. */
interface Mark {
  readonly track: number;
  readonly startNs: number;
  readonly endNs: number;
  readonly phase: number;
}

/**
 * Gathers what a page draws of ranks, one after the other in the order of their rows; the ranks themselves may go
 * afterwards, but for the first, of which a layer is drawn.
 */
export class RanksDrawing {
  readonly #limit: number;
  readonly #tracks: Tracks;
  readonly #names = new Names();
  readonly #kernels: LongestSlices;
  readonly #phases = new Columns(PHASE_COLUMNS, 1024);
  /** By rank, the longest first. */
  readonly #marks: Mark[][] = [];
  #first: RankFigures | undefined;
  #endNs = 0;
  #pieces = 0;
  #longPieces = 0;

  /** @param prefix of all ranks' names. */
  constructor(prefix = '', limit = MOST_SLICES) {
    this.#limit = limit;
    this.#tracks = new Tracks(prefix);
    this.#kernels = new LongestSlices(limit);
  }

  /** The first rank that was taken. */
  get first(): RankFigures | undefined {
    return this.#first;
  }

  /** Takes a rank. */
  add(figures: RankFigures): void {
    this.#first ??= figures;
    const { view, exposed } = figures;
    this.#tracks.add(view.content);
    this.#addKernels(view);
    this.#addPhases(view);
    this.#kernels.lower(this.#limit - this.#phases.count);
    const long = exposed.filter(({ startNs, endNs }) => endNs - startNs >= LEAST_EXPOSED_NS);
    const track = this.#markedTrack(view);
    this.#pieces += exposed.length;
    this.#longPieces += long.length;
    this.#marks.push(
      // Of more ranks no more are marked.
      long.slice(0, Math.ceil(MOST_EXPOSED / (this.#marks.length + 1))).map(({ startNs, endNs, phase }) => {
        return { track, startNs, endNs, phase: this.#names.of(phase) };
      }),
    );
  }

  #addKernels(view: RankView): void {
    const { rank, kernels, instances, identities } = view.content;
    for (let row = 0; row < kernels.count; row++) {
      const [startNs, endNs] = [kernels.startNs[row], kernels.endNs[row]];
      this.#endNs = Math.max(this.#endNs, endNs);
      const { name, class: kernelClass } = identities[kernels.kernel[row]];
      const phase = instances[kernels.instance[row]]?.phase;
      this.#kernels.add(
        this.#tracks.ofStream(rank, kernels.stream[row]),
        startNs,
        endNs - startNs,
        this.#names.of(name),
        SLICE_CLASSES.indexOf(kernelClass),
        phase === undefined ? -1 : this.#names.of(phase),
      );
    }
  }

  #addPhases({ content }: RankView): void {
    const { rank, kernels, instances, transfers } = content;
    for (const { phase, rows } of instances) {
      // A phase on two streams is drawn on both.
      const extents = new Map<number, [number, number]>();
      for (const row of rows) {
        const extent = extents.get(kernels.stream[row]);
        if (extent === undefined) extents.set(kernels.stream[row], [kernels.startNs[row], kernels.endNs[row]]);
        else extent[1] = Math.max(extent[1], kernels.endNs[row]);
      }
      const name = this.#names.of(phase);
      for (const [stream, [startNs, endNs]] of extents) {
        this.#phases.push(this.#tracks.ofStream(rank, stream), startNs, endNs - startNs, name);
      }
    }
    for (const { phase, startNs, endNs } of transfers) {
      this.#endNs = Math.max(this.#endNs, endNs);
      const name = this.#names.of(phase);
      this.#phases.push(this.#tracks.ofNetwork(rank), startNs, endNs - startNs, name);
    }
  }

  /** The row that a rank's exposed pieces are marked on: its network, its communication, else its first. */
  #markedTrack({ content: { rank, streams } }: RankView): number {
    const network = this.#tracks.ofNetwork(rank);
    if (network >= 0) return network;
    return this.#tracks.ofStream(
      rank,
      Math.max(
        0,
        streams.findIndex(({ role }) => role === 'communication'),
      ),
    );
  }

  /** @returns the rows, slices and arrows of all ranks taken. */
  timeline({ collectives, path }: Pick<AnalysedRanks, 'collectives' | 'path'>, ranks: readonly number[]): TimelineData {
    const { columns, leftOut, shortestNs } = this.#kernels.result(Math.max(0, this.#limit - this.#phases.count));
    const [track, startNs, ns, name] = PHASE_COLUMNS.map((column) => this.#phases.column(column));
    const phases = slicesInOrder({ track, startNs, ns });
    const mostOfRank = Math.ceil(MOST_EXPOSED / this.#marks.length);
    const marks = this.#marks
      .flatMap((ofRank) => ofRank.slice(0, mostOfRank))
      .sort((a, b) => a.track - b.track || a.startNs - b.startNs);
    return {
      endNs: this.#endNs,
      tracks: this.#tracks.list,
      names: this.#names.list,
      kernels: {
        ...{ track: columns.track, startNs: columns.startNs, durationNs: columns.ns },
        ...{ name: columns.name, class: columns.class, phase: columns.phase },
      },
      phases: {
        track: Array.from(phases, (row) => track[row]),
        startNs: Array.from(phases, (row) => startNs[row]),
        durationNs: Array.from(phases, (row) => ns[row]),
        name: Array.from(phases, (row) => name[row]),
      },
      flows: flowsOf(collectives, this.#tracks),
      path: pathOf(path, ranks, this.#tracks),
      exposed: {
        track: marks.map(({ track }) => track),
        startNs: marks.map(({ startNs }) => startNs),
        endNs: marks.map(({ endNs }) => endNs),
        phase: marks.map(({ phase }) => phase),
      },
      note: noteOf(leftOut, shortestNs, this.#pieces - this.#longPieces, this.#longPieces - marks.length),
    };
  }
}

/** Arrows from the rank that came last to a collective, to where the others went on. */
function flowsOf(collectives: AnalysedRanks['collectives'], tracks: Tracks): TimelineData['flows'] {
  const flows = { fromTrack: [] as number[], fromNs: [] as number[], toTrack: [] as number[], toNs: [] as number[] };
  for (const { parts } of collectives) {
    const drawn = parts.flatMap((part) => {
      const track = tracks.ofStreamId(part.rank, part.stream);
      return track === undefined ? [] : [{ part, track }];
    });
    if (drawn.length < 2) continue;
    const last = drawn.reduce((latest, one) => (one.part.arrivedNs > latest.part.arrivedNs ? one : latest));
    for (const { part, track } of drawn) {
      if (part === last.part || flows.toNs.length >= MOST_FLOWS) continue;
      flows.fromTrack.push(last.track);
      flows.fromNs.push(last.part.arrivedNs);
      flows.toTrack.push(track);
      flows.toNs.push(part.syncEndNs);
    }
  }
  return flows;
}

/** Pieces on one row in a row are one. */
function pathOf(path: AnalysedRanks['path'], ranks: readonly number[], tracks: Tracks): TimelineData['path'] {
  const merged = { track: [] as number[], startNs: [] as number[], endNs: [] as number[] };
  for (const { rankIndex, stream, startNs, endNs } of path) {
    const track = tracks.ofStream(ranks[rankIndex], stream);
    if (merged.track.at(-1) === track) merged.endNs[merged.endNs.length - 1] = endNs;
    else {
      merged.track.push(track);
      merged.startNs.push(startNs);
      merged.endNs.push(endNs);
    }
  }
  return merged;
}

/** @returns a drawing of ranks that are at hand. */
export function drawingOf(ranks: readonly RankFigures[], prefix = '', limit = MOST_SLICES): RanksDrawing {
  const drawing = new RanksDrawing(prefix, limit);
  for (const figures of ranks) drawing.add(figures);
  return drawing;
}
