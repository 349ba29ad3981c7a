import { microseconds, ratio, rounded } from '@epemu/core';
import type { Collective } from '../across/collectives.js';
import { exposedPiece, longer } from './exposed.js';
import type { ExposedInterval } from './exposed.js';
import type { ExposedPiece } from './figure-report.js';
import { Waits } from './waiting.js';
import type { ExposedPart, ExposedWait } from './waiting.js';

/** A piece of communication with no compute running, and who made it wait. */
export interface ExposedPieceFigure extends Omit<ExposedPiece, 'waitsFor'> {
  readonly waitsFor: ExposedWait;
  /** The rank that came last to the collective that it waits in; null where that is not known. */
  readonly lastRank: number | null;
}

/** Exposed communication of one kind: in the same phase, waiting for the same, holding up the same. */
export interface ExposedCause {
  readonly phase: string;
  readonly waitsFor: ExposedWait;
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

/** What only all ranks together tell. */
export interface RanksKnown {
  readonly collectives: readonly Collective[];
  /** Whether the job has ranks that are not there. */
  readonly isAlone: boolean;
}

const MOST_EXPOSED = 20;

/** @returns the rank that came last to the collective that fills an exposed piece, if it came while that waited. */
function lastRankAt(
  { rank, startNs, endNs, phase }: Pick<ExposedInterval, 'rank' | 'startNs' | 'endNs' | 'phase'>,
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

type Piece = ExposedInterval | ExposedPart;

interface CauseSums {
  pieces: number;
  ns: number;
  longest: Piece;
}

/** Adds a piece to the sums of its cause. */
function addTo(causes: Map<string, CauseSums>, piece: Piece): void {
  const key = JSON.stringify([piece.phase, piece.waitsFor, piece.blocked ?? null]);
  const ns = piece.endNs - piece.startNs;
  const sums = causes.get(key);
  if (sums === undefined) {
    causes.set(key, { pieces: 1, ns, longest: piece });
    return;
  }
  sums.pieces++;
  sums.ns += ns;
  if (longer(piece, sums.longest) < 0) sums.longest = piece;
}

/** Sums exposed pieces by cause, rank by rank, and keeps the longest. */
export class ExposedAccumulator {
  readonly #causes = new Map<string, CauseSums>();
  readonly #splits: boolean;
  /** Pieces that only the collectives of all ranks tell the cause of. */
  readonly #whole: ExposedInterval[] = [];
  #longest: ExposedInterval[] = [];
  #ranks = 0;

  /** @param splits whether pieces are kept that may be part waiting and part bytes, until all ranks are known. */
  constructor(splits: boolean) {
    this.#splits = splits;
  }

  /** Takes a rank's pieces, the longest first. */
  add(pieces: readonly ExposedInterval[]): void {
    this.#ranks++;
    const told = this.#splits ? pieces.filter(({ waitsFor }) => waitsFor !== 'transfer') : pieces;
    this.#longest = [...this.#longest, ...told.slice(0, MOST_EXPOSED)].sort(longer).slice(0, MOST_EXPOSED);
    for (const piece of told) addTo(this.#causes, piece);
    if (this.#splits) for (const piece of pieces) if (piece.waitsFor === 'transfer') this.#whole.push(piece);
  }

  /** The longest piece of all ranks; undefined where nothing is exposed. */
  get longest(): ExposedInterval | undefined {
    return this.#longest[0];
  }

  /** @returns the longest pieces, with who came last to what they wait in; and all by cause, what takes most first. */
  result({ collectives, isAlone }: RanksKnown): { pieces: ExposedPieceFigure[]; causes: ExposedCause[] } {
    const causes = new Map([...this.#causes].map(([key, sums]) => [key, { ...sums }]));
    let longest: Piece[] = this.#longest;
    if (this.#whole.length > 0) {
      const waits = new Waits(collectives, isAlone);
      const parts = this.#whole.flatMap((piece) => waits.split(piece));
      for (const part of parts) addTo(causes, part);
      longest = [...longest, ...parts].sort(longer).slice(0, MOST_EXPOSED);
    }
    const pieces = longest.map((piece) => {
      return { ...exposedPiece(piece), waitsFor: piece.waitsFor, lastRank: lastRankOf(piece, collectives) };
    });
    return { pieces, causes: this.#sorted([...causes.values()], collectives) };
  }

  #sorted(all: CauseSums[], collectives: readonly Collective[]): ExposedCause[] {
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
          lastRank: lastRankOf(longest, collectives),
        },
      }));
  }
}

function lastRankOf(piece: Piece, collectives: readonly Collective[]): number | null {
  // Of a piece that was split, bytes wait for nobody any more.
  if ('lastRank' in piece) return piece.lastRank ?? null;
  return lastRankAt(piece, collectives);
}
