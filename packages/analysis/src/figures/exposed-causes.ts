import { microseconds, ratio, rounded } from '@epemu/core';
import type { Collective } from '../across/collectives.js';
import type { CollectiveRole } from '@epemu/timeline';
import { exposedPiece, longer } from './exposed.js';
import type { ExposedInterval } from './exposed.js';
import type { ExposedPiece } from './figure-report.js';

/** A piece of communication with no compute running, and who made it wait. */
export interface ExposedPieceFigure extends ExposedPiece {
  /** The rank that came last to the collective that it waits in; null where that is not known. */
  readonly lastRank: number | null;
}

/** Exposed communication of one kind: in the same phase, waiting for the same, holding up the same. */
export interface ExposedCause {
  readonly phase: string;
  readonly waitsFor: CollectiveRole;
  readonly blocked: string | null;
  /** On one rank, mean over ranks. */
  readonly pieces: number;
  readonly us: number;
  /** Of all exposed communication. */
  readonly sharePct: number;
  readonly longest: {
    readonly rank: number;
    readonly startUs: number;
    readonly us: number;
    readonly lastRank: number | null;
  };
}

const MOST_EXPOSED = 20;

/** @returns the rank that came last to the collective that fills an exposed piece, if it came while that waited. */
function lastRankAt(
  { rank, startNs, endNs, phase }: ExposedInterval,
  collectives: readonly Collective[],
): number | null {
  for (const { parts } of collectives) {
    if (parts.length < 2) continue;
    const own = parts.find((part) => part.rank === rank);
    if (own?.phase !== phase || own.arrivedNs >= endNs || own.endNs <= startNs) continue;
    const last = parts.reduce((latest, part) => (part.arrivedNs > latest.arrivedNs ? part : latest));
    return last.rank !== rank && last.arrivedNs > startNs ? last.rank : null;
  }
  return null;
}

interface CauseSums {
  pieces: number;
  ns: number;
  longest: ExposedInterval;
}

/** Sums exposed pieces by cause, rank by rank, and keeps the longest. */
export class ExposedAccumulator {
  readonly #causes = new Map<string, CauseSums>();
  #longest: ExposedInterval[] = [];
  #ranks = 0;

  /** Takes a rank's pieces, the longest first. */
  add(pieces: readonly ExposedInterval[]): void {
    this.#ranks++;
    this.#longest = [...this.#longest, ...pieces.slice(0, MOST_EXPOSED)].sort(longer).slice(0, MOST_EXPOSED);
    for (const piece of pieces) {
      const key = JSON.stringify([piece.phase, piece.waitsFor, piece.blocked ?? null]);
      const sums = this.#causes.get(key);
      if (sums === undefined) {
        this.#causes.set(key, { pieces: 1, ns: piece.endNs - piece.startNs, longest: piece });
        continue;
      }
      sums.pieces++;
      sums.ns += piece.endNs - piece.startNs;
      if (longer(piece, sums.longest) < 0) sums.longest = piece;
    }
  }

  /** The longest piece of all ranks; undefined where nothing is exposed. */
  get longest(): ExposedInterval | undefined {
    return this.#longest[0];
  }

  /** @returns the longest pieces, with who came last to what they wait in. @param collectives of all ranks. */
  pieces(collectives: readonly Collective[]): ExposedPieceFigure[] {
    return this.#longest.map((piece) => ({ ...exposedPiece(piece), lastRank: lastRankAt(piece, collectives) }));
  }

  /** @returns all pieces by cause, what takes most time first. @param collectives of all ranks. */
  causes(collectives: readonly Collective[]): ExposedCause[] {
    const all = [...this.#causes.values()];
    const allNs = all.reduce((sum, { ns }) => sum + ns, 0);
    return all
      .sort((a, b) => b.ns - a.ns || longer(a.longest, b.longest))
      .map(({ pieces, ns, longest }) => ({
        phase: longest.phase,
        waitsFor: longest.waitsFor,
        blocked: longest.blocked ?? null,
        pieces: rounded(pieces / this.#ranks),
        us: microseconds(ns / this.#ranks),
        sharePct: rounded(100 * ratio(ns, allNs)),
        longest: {
          rank: longest.rank,
          startUs: microseconds(longest.startNs),
          us: microseconds(longest.endNs - longest.startNs),
          lastRank: lastRankAt(longest, collectives),
        },
      }));
  }
}
