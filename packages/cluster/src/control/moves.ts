import type { Move } from '../run-events.js';
import { ControlProtocolError } from './channel.js';
import { MOVE_FIELDS } from './messages.js';

const FIELDS = MOVE_FIELDS.length;

/** @returns a report's moves from its flat list. @throws ControlProtocolError when a move is cut. */
export function decodeMoves(flat: readonly number[]): Move[] {
  if (flat.length % FIELDS !== 0) throw new ControlProtocolError(`${flat.length} numbers are no whole moves`);
  const moves: Move[] = [];
  for (let at = 0; at < flat.length; at += FIELDS) {
    const rank = flat[at];
    const operation = flat[at + 1];
    if (rank < 0 || operation < 0) throw new ControlProtocolError(`rank ${rank} has no operation ${operation}`);
    moves.push({ rank, operation, background: flat[at + 2] === 1, startNs: flat[at + 3], endNs: flat[at + 4] });
  }
  return moves;
}

/** Appends a move to a flat list, see {@link decodeMoves}. */
export function encodeMove(flat: number[], { rank, operation, background, startNs, endNs }: Move): void {
  flat.push(rank, operation, background ? 1 : 0, startNs, endNs);
}
