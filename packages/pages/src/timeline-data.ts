import { KERNEL_CLASSES, exposedPieces } from '@epemu/analysis';
import type { AnalysedSet, TraceRank } from '@epemu/analysis';
import type { TimelineData, TimelineTrack } from './page-data.js';

/** More slices than this make a page slow to load; the shortest kernels are left out then. */
export const MOST_SLICES = 200_000;
const MOST_FLOWS = 50_000;
const MOST_EXPOSED = 5_000;
/** Between any two kernels communication is exposed for a µs or two; marks for each would hide those that count. */
const LEAST_EXPOSED_NS = 4_000;

/** Rows of the timeline: streams of each rank in the order of their numbers, its network below them. */
class Tracks {
  readonly list: TimelineTrack[] = [];
  /** By rank index: the track of each stream, and of the network. */
  readonly ofStream: number[][] = [];
  readonly ofNetwork: number[] = [];

  constructor(ranks: readonly TraceRank[], prefix: string) {
    for (const { rank, streams, transfers } of ranks) {
      const group = `${prefix}rank ${rank}`;
      const order = streams
        .map((_, index) => index)
        .sort((a, b) => Number(streams[a].id) - Number(streams[b].id) || a - b);
      const places: number[] = [];
      for (const index of order) {
        places[index] = this.list.push({ group, name: streams[index].name, role: streams[index].role }) - 1;
      }
      this.ofStream.push(places);
      this.ofNetwork.push(
        transfers.length === 0 ? -1 : this.list.push({ group, name: 'network', role: 'network' }) - 1,
      );
    }
  }
}

/** Shares one index for each text. */
class Names {
  readonly list: string[] = [];
  readonly #index = new Map<string, number>();

  of(text: string): number {
    let index = this.#index.get(text);
    if (index === undefined) this.#index.set(text, (index = this.list.push(text) - 1));
    return index;
  }
}

/** Slices before they are put in the order of tracks and starts. */
class Slices {
  readonly rows: number[][] = [];

  add(...row: number[]): void {
    this.rows.push(row);
  }

  /** @returns the columns, by track and start. */
  columns(): number[][] {
    this.rows.sort((a, b) => a[0] - b[0] || a[1] - b[1] || b[2] - a[2]);
    const width = this.rows[0]?.length ?? 0;
    return Array.from({ length: width }, (_, column) => this.rows.map((row) => row[column]));
  }
}

/** @returns the length, ns, that a kernel must have to be drawn, so that no more than the limit are. */
function leastNs(ranks: readonly TraceRank[], limit: number): number {
  const count = ranks.reduce((sum, { kernels }) => sum + kernels.count, 0);
  if (count <= limit) return 0;
  const lengths = new Float64Array(count);
  let at = 0;
  for (const { kernels } of ranks) {
    const ends = kernels.column('endNs');
    kernels.column('startNs').forEach((startNs, row) => (lengths[at++] = ends[row] - startNs));
  }
  lengths.sort();
  return lengths[count - limit] + 1;
}

/** @returns the most that the timeline's kernels may be: phases and transfers are never left out. */
function kernelLimit(ranks: readonly TraceRank[], limit: number): number {
  return Math.max(
    0,
    limit - ranks.reduce((sum, { instances, transfers }) => sum + instances.length + transfers.length, 0),
  );
}

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

/** Puts what was analysed into the rows, slices and arrows of a timeline. @param prefix of all ranks' names. */
export function timelineData(analysed: AnalysedSet, prefix = '', limit = MOST_SLICES): TimelineData {
  const { set, views, collectives, path } = analysed;
  const tracks = new Tracks(set.ranks, prefix);
  const names = new Names();
  const kernels = new Slices();
  const phases = new Slices();
  const exposed = new Slices();
  const shortestNs = leastNs(set.ranks, kernelLimit(set.ranks, limit));
  let endNs = 0;
  let leftOut = 0;
  let [short, beyond] = [0, 0];
  set.ranks.forEach((rank, index) => {
    const [starts, ends] = [rank.kernels.column('startNs'), rank.kernels.column('endNs')];
    const [streams, nameIndices] = [rank.kernels.column('stream'), rank.kernels.column('name')];
    const instances = rank.kernels.column('instance');
    const view = views[index];
    for (let row = 0; row < rank.kernels.count; row++) {
      endNs = Math.max(endNs, ends[row]);
      const ns = ends[row] - starts[row];
      if (ns < shortestNs) {
        leftOut++;
        continue;
      }
      const phase = rank.instances[instances[row]]?.phase;
      kernels.add(
        tracks.ofStream[index][streams[row]],
        starts[row],
        ns,
        names.of(set.names[nameIndices[row]]),
        KERNEL_CLASSES.indexOf(view.role(row).class),
        phase === undefined ? -1 : names.of(phase),
      );
    }
    for (const { phase, rows } of rank.instances) {
      // A phase on two streams is drawn on both.
      const extents = new Map<number, [number, number]>();
      for (const row of rows) {
        const extent = extents.get(streams[row]);
        if (extent === undefined) extents.set(streams[row], [starts[row], ends[row]]);
        else extent[1] = Math.max(extent[1], ends[row]);
      }
      for (const [stream, [from, to]] of extents)
        phases.add(tracks.ofStream[index][stream], from, to - from, names.of(phase));
    }
    for (const { phase, startNs, endNs: to } of rank.transfers) {
      endNs = Math.max(endNs, to);
      phases.add(tracks.ofNetwork[index], startNs, to - startNs, names.of(phase));
    }
    const pieces = exposedPieces(view, Number.POSITIVE_INFINITY);
    const long = pieces.filter((piece) => piece.endNs - piece.startNs >= LEAST_EXPOSED_NS);
    const marked = long.slice(0, Math.ceil(MOST_EXPOSED / set.ranks.length));
    short += pieces.length - long.length;
    beyond += long.length - marked.length;
    for (const piece of marked) {
      exposed.add(exposedTrack(rank, tracks, index), piece.startNs, piece.endNs, names.of(piece.phase));
    }
  });
  const [track = [], startNs = [], durationNs = [], name = [], kernelClass = [], phase = []] = kernels.columns();
  const [phaseTrack = [], phaseStart = [], phaseDuration = [], phaseName = []] = phases.columns();
  const [exposedTracks = [], exposedStart = [], exposedEnd = [], exposedPhase = []] = exposed.columns();
  const rankIndex = new Map(set.ranks.map(({ rank }, index) => [rank, index]));
  return {
    endNs,
    tracks: tracks.list,
    names: names.list,
    kernels: { track, startNs, durationNs, name, class: kernelClass, phase },
    phases: { track: phaseTrack, startNs: phaseStart, durationNs: phaseDuration, name: phaseName },
    flows: flowsOf(collectives, set.ranks, rankIndex, tracks),
    path: pathOf(path, tracks),
    exposed: { track: exposedTracks, startNs: exposedStart, endNs: exposedEnd, phase: exposedPhase },
    note: noteOf(leftOut, shortestNs, short, beyond),
  };
}

/** @returns the row that a rank's exposed pieces are marked on: its network, its communication, else its first. */
function exposedTrack({ streams }: TraceRank, { ofStream, ofNetwork }: Tracks, index: number): number {
  if (ofNetwork[index] >= 0) return ofNetwork[index];
  const communication = streams.findIndex(({ role }) => role === 'communication');
  return ofStream[index][Math.max(0, communication)];
}

/** Arrows from the rank that came last to a collective, to where the others went on. */
function flowsOf(
  collectives: AnalysedSet['collectives'],
  ranks: readonly TraceRank[],
  rankIndex: ReadonlyMap<number, number>,
  tracks: Tracks,
): TimelineData['flows'] {
  const flows = { fromTrack: [] as number[], fromNs: [] as number[], toTrack: [] as number[], toNs: [] as number[] };
  for (const { parts } of collectives) {
    if (parts.length < 2) continue;
    const last = parts.reduce((latest, part) => (part.arrivedNs > latest.arrivedNs ? part : latest));
    const trackOf = ({ rank, syncRow }: (typeof parts)[number]): number => {
      const index = rankIndex.get(rank)!;
      return tracks.ofStream[index][ranks[index].kernels.column('stream')[syncRow]];
    };
    for (const part of parts) {
      if (part === last || flows.toNs.length >= MOST_FLOWS) continue;
      flows.fromTrack.push(trackOf(last));
      flows.fromNs.push(last.arrivedNs);
      flows.toTrack.push(trackOf(part));
      flows.toNs.push(part.syncEndNs);
    }
  }
  return flows;
}

/** Pieces on one row in a row are one. */
function pathOf(path: AnalysedSet['path'], tracks: Tracks): TimelineData['path'] {
  const merged = { track: [] as number[], startNs: [] as number[], endNs: [] as number[] };
  for (const { rankIndex, stream, startNs, endNs } of path) {
    const track = tracks.ofStream[rankIndex][stream];
    if (merged.track.at(-1) === track) merged.endNs[merged.endNs.length - 1] = endNs;
    else {
      merged.track.push(track);
      merged.startNs.push(startNs);
      merged.endNs.push(endNs);
    }
  }
  return merged;
}
