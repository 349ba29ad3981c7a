import { MOVE_NUMBERS } from '../state.js';
import type { LiveState, RunHead } from '../state.js';

/** Rows of the schedule that the timeline shows: what is readable, and less than is kept, so that all of it is there. */
const SHOWN_ROWS = 2;

/** A phase of a rank, or a background transfer, as the timeline draws it. */
export interface Piece {
  readonly operation: number;
  readonly background: boolean;
  /** Line of the timeline: streams in order, then the network. */
  readonly line: number;
  readonly startNs: number;
  readonly endNs: number;
}

/** What the timeline of a rank shows: a stretch of virtual time. */
export interface RankPieces {
  /** By line, then by start. */
  readonly pieces: readonly Piece[];
  readonly startNs: number;
  readonly endNs: number;
  /** Where layers begin. */
  readonly marks: readonly { readonly ns: number; readonly layer: number }[];
}

/** @returns names of the timeline's lines. */
export function lineNames({ streams, hasNetwork }: RunHead): string[] {
  return [...streams.map(({ id }) => `stream ${id}`), ...(hasNetwork ? ['network'] : [])];
}

/** @returns the pieces of a rank's last layers, and the stretch of time that they are in. */
export function rankPieces(head: RunHead, state: Pick<LiveState, 'moves'>, rank: number): RankPieces {
  const flat = state.moves[rank] ?? [];
  const { operations, streams } = head;
  const lineOf = new Map(streams.map(({ id }, line) => [id, line]));
  const all: Piece[] = [];
  for (let at = 0; at < flat.length; at += MOVE_NUMBERS) {
    const [operation, background, startNs, endNs] = flat.slice(at, at + MOVE_NUMBERS);
    if (operations.recorded[operation] === 0) continue;
    const line = background === 1 ? streams.length : (lineOf.get(operations.stream[operation]) ?? 0);
    all.push({ operation, background: background === 1, line, startNs, endNs });
  }
  const lastRow = all.reduce((last, { operation }) => Math.max(last, operations.row[operation]), -Infinity);
  const shown = all.filter(({ operation }) => operations.row[operation] > lastRow - SHOWN_ROWS);
  shown.sort((a, b) => a.line - b.line || a.startNs - b.startNs || a.operation - b.operation);
  const marks = shown
    .filter(({ operation, background }) => !background && head.phases[operations.phase[operation]] === head.layerMarker)
    .map(({ operation, startNs }) => ({ ns: startNs, layer: operations.layer[operation] }));
  const startNs = shown.reduce((least, piece) => Math.min(least, piece.startNs), Infinity);
  const endNs = shown.reduce((most, piece) => Math.max(most, piece.endNs), -Infinity);
  return shown.length === 0 ? { pieces: [], startNs: 0, endNs: 0, marks } : { pieces: shown, startNs, endNs, marks };
}
