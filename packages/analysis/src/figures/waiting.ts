import type { CollectiveRole } from '@epemu/timeline';
import { lowerBound } from '@epemu/core';
import type { Collective } from '../across/collectives.js';
import type { ExposedInterval } from './exposed.js';

/**
 * What exposed communication waits for: the role of its kernel or, where one kernel waits for all ranks and moves the
 * bytes too, `ranks` until the last of them had come; `unknown` where only one rank of several is there to tell.
 */
export type ExposedWait = CollectiveRole | 'ranks' | 'unknown';

/** A stretch of an exposed piece. Times are ns. */
export interface ExposedPart extends Omit<ExposedInterval, 'waitsFor'> {
  readonly waitsFor: ExposedWait;
  /** The rank that it waited for; undefined where it waited for none. */
  readonly lastRank: number | undefined;
}

/** A rank's waits in kernels that move bytes as well, ascending by start, none in another. */
interface RankWaits {
  readonly startNs: number[];
  readonly endNs: number[];
  /** −1 where nobody knows. */
  readonly lastRank: number[];
}

/** Knows when ranks waited for others in kernels that move bytes as well. */
export class Waits {
  readonly #byRank = new Map<number, RankWaits>();

  /** @param isAlone whether a collective that only one rank has a part in has others that are not there. */
  constructor(collectives: readonly Collective[], isAlone: boolean) {
    const found = new Map<number, { startNs: number; endNs: number; lastRank: number }[]>();
    for (const { parts } of collectives) {
      if (parts.length < 2 && !isAlone) continue;
      const last = parts.reduce((latest, part) => (part.arrivedNs > latest.arrivedNs ? part : latest));
      for (const part of parts) {
        // What a notify waited for is told by itself, and halves wait in the receiving one.
        if (part.sendRow >= 0 || part.transferRow !== part.syncRow) continue;
        const isKnown = parts.length > 1;
        const endNs = isKnown ? Math.min(last.arrivedNs, part.endNs) : part.endNs;
        if (endNs <= part.arrivedNs) continue;
        const list = found.get(part.rank);
        const wait = { startNs: part.arrivedNs, endNs, lastRank: isKnown ? last.rank : -1 };
        if (list === undefined) found.set(part.rank, [wait]);
        else list.push(wait);
      }
    }
    for (const [rank, list] of found) this.#byRank.set(rank, disjoint(list.sort((a, b) => a.startNs - b.startNs)));
  }

  /** @returns the stretches of a piece in order: those in which it waited for other ranks, and those between them. */
  split(piece: ExposedInterval): ExposedPart[] {
    const waits = piece.waitsFor === 'transfer' ? this.#byRank.get(piece.rank) : undefined;
    if (waits === undefined) return [{ ...piece, lastRank: undefined }];
    const parts: ExposedPart[] = [];
    let at = piece.startNs;
    const add = (endNs: number, waitsFor: ExposedWait, lastRank: number | undefined): void => {
      if (endNs > at) parts.push({ ...piece, startNs: at, endNs, waitsFor, lastRank });
      at = Math.max(at, endNs);
    };
    for (let i = lowerBound(waits.endNs, piece.startNs); i < waits.startNs.length; i++) {
      if (waits.startNs[i] >= piece.endNs) break;
      add(Math.max(waits.startNs[i], at), 'transfer', undefined);
      const lastRank = waits.lastRank[i];
      const endNs = Math.min(waits.endNs[i], piece.endNs);
      if (lastRank < 0) add(endNs, 'unknown', undefined);
      else add(endNs, 'ranks', lastRank);
    }
    add(piece.endNs, 'transfer', undefined);
    return parts;
  }
}

/** Cuts waits of several streams so that none is in another: the one that began first counts. */
function disjoint(sorted: readonly { startNs: number; endNs: number; lastRank: number }[]): RankWaits {
  const waits: RankWaits = { startNs: [], endNs: [], lastRank: [] };
  let reachNs = Number.NEGATIVE_INFINITY;
  for (const { startNs, endNs, lastRank } of sorted) {
    if (endNs <= reachNs) continue;
    waits.startNs.push(Math.max(startNs, reachNs));
    waits.endNs.push(endNs);
    waits.lastRank.push(lastRank);
    reachNs = endNs;
  }
  return waits;
}
