import type { RankContent } from '@epemu/timeline';
import type { TimelineTrack } from './page-data.js';

/** Rows of the timeline: streams of each rank in the order of their numbers, its network below them. */
export class Tracks {
  readonly list: TimelineTrack[] = [];
  /** By rank: the track of each stream, by its index, and of the network; −1 for none. */
  readonly #ofRank = new Map<number, { readonly streams: readonly number[]; readonly network: number }>();
  /** By rank and stream's id: its track. */
  readonly #ofId = new Map<string, number>();
  readonly #prefix: string;

  /** @param prefix of all ranks' names. */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** Gives a rank its rows, below those of the ranks before it. */
  add({ rank, streams, transfers }: RankContent): void {
    const group = `${this.#prefix}rank ${rank}`;
    const order = streams
      .map((_, index) => index)
      .sort((a, b) => Number(streams[a].id) - Number(streams[b].id) || a - b);
    const places: number[] = [];
    for (const index of order) {
      const { id, name, role } = streams[index];
      places[index] = this.list.push({ group, name, role }) - 1;
      this.#ofId.set(`${rank} ${id}`, places[index]);
    }
    const network = transfers.length === 0 ? -1 : this.list.push({ group, name: 'network', role: 'network' }) - 1;
    this.#ofRank.set(rank, { streams: places, network });
  }

  /** The track of a rank's stream, by the stream's index. */
  ofStream(rank: number, stream: number): number {
    return this.#ofRank.get(rank)!.streams[stream];
  }

  /** The track of a rank's stream, by the stream's id; undefined of ranks that have no rows. */
  ofStreamId(rank: number, id: string): number | undefined {
    return this.#ofId.get(`${rank} ${id}`);
  }

  /** The track of a rank's network; −1 for none. */
  ofNetwork(rank: number): number {
    return this.#ofRank.get(rank)!.network;
  }
}

/** Shares one index for each text. */
export class Names {
  readonly list: string[] = [];
  readonly #index = new Map<string, number>();

  of(text: string): number {
    let index = this.#index.get(text);
    if (index === undefined) this.#index.set(text, (index = this.list.push(text) - 1));
    return index;
  }
}
