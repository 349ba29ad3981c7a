import type { CollectivePart } from '../../across/collective-part.js';
import type { Collective } from '../../across/collectives.js';
import type { RankView } from '@epemu/timeline';
import type { TraceSet } from '../../model.js';

/** Bytes between a rank and another one in a collective. */
interface PeerBytes {
  readonly peer: number;
  readonly bytes: number;
}

/** What a kernel sends, or what it receives. */
export interface Exchange {
  /** Place of the collective among all: a tag that the sender and the receiver have in common. */
  readonly collective: number;
  /** Ascending by peer; none of 0 bytes. */
  readonly peers: readonly PeerBytes[];
}

/** What the kernels of one rank send and receive, by row. */
export interface RankExchanges {
  readonly sends: ReadonlyMap<number, Exchange>;
  readonly receives: ReadonlyMap<number, Exchange>;
}

/** Who sends how much to whom, as far as the traces tell it of single collectives. */
export interface Exchanges {
  readonly byRank: ReadonlyMap<number, RankExchanges>;
  /** Bytes to ranks whose traces were not given. */
  readonly absentBytes: number;
}

/** The kernel that sends in a part: the first half of one that is split. */
function sendingRow({ sendRow, transferRow }: CollectivePart): number {
  return sendRow < 0 ? transferRow : sendRow;
}

/** @returns what each part sent, in the order of the parts; undefined where one of them does not tell. */
function sentOf(
  { parts }: Collective,
  ranks: ReadonlyMap<number, RankView>,
): readonly (readonly [CollectivePart, Float64Array])[] | undefined {
  const sent = parts.flatMap((part) => {
    const bytes = ranks.get(part.rank)!.content.sentBytes.get(sendingRow(part));
    return bytes === undefined || part.transferRow < 0 ? [] : [[part, bytes] as const];
  });
  return sent.length === parts.length ? sent : undefined;
}

/**
 * Pairs what a rank sends in a collective with what its peer receives, only of collectives whose parts all tell their
 * bytes by peer: a total over the run says nothing of one collective. What a rank keeps for itself takes no link.
 */
export function exchangesOf(set: TraceSet, collectives: readonly Collective[]): Exchanges {
  const ranks = new Map(set.ranks.map((rank) => [rank.rank, rank]));
  const byRank = new Map(
    set.ranks.map(({ rank }) => [rank, { sends: new Map<number, Exchange>(), receives: new Map<number, Exchange>() }]),
  );
  let absentBytes = 0;
  collectives.forEach((collective, index) => {
    const sent = sentOf(collective, ranks);
    if (sent === undefined || sent.length < 2) return;
    const receivers = new Set(sent.map(([{ rank }]) => rank));
    const received = new Map(sent.map(([{ rank }]) => [rank, [] as PeerBytes[]]));
    for (const [part, bytesTo] of sent) {
      const peers: PeerBytes[] = [];
      bytesTo.forEach((bytes, peer) => {
        if (bytes === 0 || peer === part.rank) return;
        if (receivers.has(peer)) {
          peers.push({ peer, bytes });
          received.get(peer)!.push({ peer: part.rank, bytes });
        } else absentBytes += bytes;
      });
      byRank.get(part.rank)!.sends.set(sendingRow(part), { collective: index, peers });
    }
    for (const [{ rank, transferRow }] of sent) {
      byRank.get(rank)!.receives.set(transferRow, { collective: index, peers: received.get(rank)! });
    }
  });
  return { byRank, absentBytes };
}
