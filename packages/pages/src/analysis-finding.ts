import type { Analysis } from '@epemu/analysis';
import { timeText } from './units.js';

/** @returns what would help most of what the replays were asked, in words; empty where nothing does. */
export function adviceText({ criticalPath }: Analysis): string {
  const best = criticalPath?.answers.find(({ savedUs }) => savedUs > 0);
  if (criticalPath === null || best === undefined) return '';
  const free = criticalPath.answers.find(({ id }) => id === 'free-communication');
  const most = `What would help most of what was asked: if ${best.what}, it saves ${timeText(best.savedUs)} (${best.savedPct.toFixed(1)} %)`;
  if (free === undefined || best === free) return `${most}.`;
  return `${most}; if ${free.what}, ${timeText(free.savedUs)}.`;
}

/** @returns one sentence that names the largest exposed piece and its cause, and one that says what would help. */
export function findingText(analysis: Analysis): string {
  const piece = analysis.exposed.at(0);
  if (piece === undefined) {
    const none =
      analysis.timeline.commUs === 0
        ? 'The trace has no communication that the table of kernels knows; name its kernels with --communication.'
        : 'No communication is exposed: all of it is hidden behind computation.';
    return `${none} ${adviceText(analysis)}`.trim();
  }
  const late = piece.lastRank === null ? '' : `, and rank ${piece.lastRank} comes last`;
  const cause = {
    notify: `its notify waits for other ranks${late}`,
    layout: 'its layout runs alone',
    send: 'its sending half runs alone',
    receive: `it waits for bytes of other ranks${late}`,
    transfer: `its bytes are still on their way${late}`,
    ranks:
      piece.lastRank === null ? 'it waits for other ranks' : `it waits for rank ${piece.lastRank}, which comes last`,
    unknown: 'it waits for other ranks or for its bytes, which is not knowable from one rank',
  }[piece.waitsFor];
  const held = piece.blocked === null ? '' : `, which holds up ${piece.blocked}`;
  const share = analysis.timeline.exposedCommPct.toFixed(1);
  return (
    `The largest exposed piece is ${timeText(piece.us)} of ${piece.phase === '' ? 'communication' : piece.phase} on rank ${piece.rank} ` +
    `at ${(piece.startUs / 1000).toFixed(2)} ms: ${cause}${held} (${share} % of the span is exposed in all). ${adviceText(analysis)}`
  );
}
