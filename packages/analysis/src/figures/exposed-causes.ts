import { microseconds, ratio, rounded } from '@epemu/timeline';
import type { Collective } from '../across/collectives.js';
import type { CollectiveRole } from '../kernel-role.js';
import { exposedPieces } from './exposed.js';
import type { ExposedInterval } from './exposed.js';
import type { TraceView } from './trace-view.js';

/** A piece of communication with no compute running, and who made it wait. */
export interface ExposedPieceFigure {
  readonly rank: number;
  readonly phase: string;
  readonly startUs: number;
  readonly us: number;
  readonly waitsFor: CollectiveRole;
  readonly blocked: string | null;
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

/** Orders pieces, the longest first; ties go to the lower rank, then to the earlier one. */
function longer(a: ExposedInterval, b: ExposedInterval): number {
  return b.endNs - b.startNs - (a.endNs - a.startNs) || a.rank - b.rank || a.startNs - b.startNs;
}

function causes(pieces: readonly ExposedInterval[], ranks: number, collectives: readonly Collective[]): ExposedCause[] {
  const groups = new Map<string, ExposedInterval[]>();
  for (const piece of pieces) {
    const key = JSON.stringify([piece.phase, piece.waitsFor, piece.blocked ?? null]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [piece]);
    else group.push(piece);
  }
  const lengthOf = (list: readonly ExposedInterval[]): number =>
    list.reduce((sum, { startNs, endNs }) => sum + endNs - startNs, 0);
  const allNs = lengthOf(pieces);
  return [...groups.values()]
    .map((group) => ({ group, ns: lengthOf(group), longest: [...group].sort(longer)[0] }))
    .sort((a, b) => b.ns - a.ns || longer(a.longest, b.longest))
    .map(({ group, ns, longest }) => ({
      phase: longest.phase,
      waitsFor: longest.waitsFor,
      blocked: longest.blocked ?? null,
      pieces: rounded(group.length / ranks),
      us: microseconds(ns / ranks),
      sharePct: rounded(100 * ratio(ns, allNs)),
      longest: {
        rank: longest.rank,
        startUs: microseconds(longest.startNs),
        us: microseconds(longest.endNs - longest.startNs),
        lastRank: lastRankAt(longest, collectives),
      },
    }));
}

/** @returns the longest exposed pieces of all ranks, with who came last to what they wait in, and all pieces by cause. */
export function exposedFigures(
  views: readonly TraceView[],
  collectives: readonly Collective[],
): { readonly exposed: ExposedPieceFigure[]; readonly exposedCauses: ExposedCause[] } {
  const pieces = views.flatMap((view) => exposedPieces(view, Number.POSITIVE_INFINITY)).sort(longer);
  const exposed = pieces.slice(0, MOST_EXPOSED).map((piece) => ({
    rank: piece.rank,
    phase: piece.phase,
    startUs: microseconds(piece.startNs),
    us: microseconds(piece.endNs - piece.startNs),
    waitsFor: piece.waitsFor,
    blocked: piece.blocked ?? null,
    lastRank: lastRankAt(piece, collectives),
  }));
  return { exposed, exposedCauses: causes(pieces, views.length, collectives) };
}
