import type { Program } from '@epemu/schedule';
import type { RankRecord, RankTimeline } from '@epemu/timeline';

/** A kernel, or a segment that a port served, of one rank: what it is, and when. */
export interface VirtualEvent {
  /** `mlp(F) of layer 1, micro-batch 0: fp8_gemm (gate_up)`; together with `nth` it tells events of a track apart. */
  readonly what: string;
  /** Which of the events of that name on the track it is. */
  readonly nth: number;
  readonly startNs: number;
  readonly endNs: number;
  /** Of a segment. */
  readonly bytes?: number;
}

/** A stream or port of a rank and what happened there, in order. */
export interface Track {
  /** `rank 0, stream 7`, `rank 3, RDMA out`. */
  readonly name: string;
  readonly events: readonly VirtualEvent[];
}

/** All of a run that its digest is of, but for which rows each expert received: of these `experts` is a text per rank. */
export interface VirtualRun {
  readonly tracks: readonly Track[];
  readonly experts: readonly string[];
}

/** By number of the port. */
const PORT_NAMES = ['RDMA out', 'RDMA in', 'NVLink out', 'NVLink in'];

/** What a run in memory hands over, of the present code or of another revision's. */
interface RecordedRun {
  readonly program: Program;
  readonly timelines: readonly RankTimeline[];
  readonly records: readonly RankRecord[];
}

/** @returns what a run did in virtual time, in words. */
export function virtualRunOf({ program, timelines, records }: RecordedRun): VirtualRun {
  const places = new Map(
    program.operations.map(({ id, phase, layer, microBatch }) => [
      id,
      `${phase} of layer ${layer}, micro-batch ${microBatch}`,
    ]),
  );
  const kernels = program.kernels.map(({ name, label }) => (label === undefined ? name : `${name} (${label})`));
  const tracks = timelines.flatMap((timeline) => [
    ...kernelTracks(timeline, places, kernels),
    ...portTracks(timeline, places),
  ]);
  const experts = records.map(({ expertHashes }) => {
    const columns = expertHashes.names.map((name) => expertHashes.column(name));
    return columns[0] === undefined
      ? ''
      : [...columns[0].keys()].map((row) => columns.map((of) => of[row]).join()).join(' ');
  });
  return { tracks, experts };
}

function kernelTracks({ rank, events }: RankTimeline, places: ReadonlyMap<number, string>, kernels: string[]): Track[] {
  const [streams, kernel, operation, startNs, endNs] = (
    ['stream', 'kernel', 'operation', 'startNs', 'endNs'] as const
  ).map((name) => events.column(name));
  const tracks = new Tracks();
  streams.forEach((stream, row) => {
    const what = `${places.get(operation[row])}: ${kernels[kernel[row]]}`;
    tracks.add(`rank ${rank}, stream ${stream}`, { what, startNs: startNs[row], endNs: endNs[row] });
  });
  return tracks.all;
}

function portTracks({ rank, services }: RankTimeline, places: ReadonlyMap<number, string>): Track[] {
  const [port, operation, hop, peer, bytes, startNs, endNs] = (
    ['port', 'operation', 'hop', 'peer', 'bytes', 'startNs', 'endNs'] as const
  ).map((name) => services.column(name));
  const tracks = new Tracks();
  port.forEach((number, row) => {
    const what = `${places.get(operation[row])}: segment of hop ${hop[row]} with rank ${peer[row]}`;
    const name = `rank ${rank}, ${PORT_NAMES[number]}`;
    tracks.add(name, { what, bytes: bytes[row], startNs: startNs[row], endNs: endNs[row] });
  });
  return tracks.all;
}

/** Collects events by track and numbers those of one name. */
class Tracks {
  readonly #tracks = new Map<string, VirtualEvent[]>();
  readonly #counts = new Map<string, number>();

  add(track: string, event: Omit<VirtualEvent, 'nth'>): void {
    const key = `${track} ${event.what}`;
    const nth = this.#counts.get(key) ?? 0;
    this.#counts.set(key, nth + 1);
    const events = this.#tracks.get(track) ?? [];
    events.push({ ...event, nth });
    this.#tracks.set(track, events);
  }

  get all(): Track[] {
    return [...this.#tracks].map(([name, events]) => ({ name, events }));
  }
}
