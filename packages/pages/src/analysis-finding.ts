import type { Analysis, WhatIf } from '@epemu/analysis';
import { percentText, timeText } from './units.js';

/** Less than this of the span, %, is nothing gained. */
const NOTHING_PCT = 0.1;
const FREE_COMMUNICATION = 'free-communication';

/** @returns of several ways to save time those worth a word: what can be changed at once, and the phase that brings most. */
function worthSaying(answers: readonly WhatIf[]): WhatIf[] {
  const helping = answers.filter(({ savedPct, id }) => savedPct >= NOTHING_PCT && id !== FREE_COMMUNICATION);
  const isPhase = ({ id }: WhatIf): boolean => id.startsWith('faster ');
  return [...helping.filter((answer) => !isPhase(answer)), ...helping.filter(isPhase).slice(0, 1)];
}

const saves = ({ savedUs, savedPct }: WhatIf): string => `${timeText(savedUs)} (${percentText(savedPct)}) earlier`;

/** @returns what a replay of everything says that changes would bring, which is the most that they can; empty without one. */
export function ceilingsText({ criticalPath }: Pick<Analysis, 'criticalPath'>): string {
  if (criticalPath === null) return '';
  const { answers } = criticalPath;
  const free = answers.find(({ id }) => id === FREE_COMMUNICATION);
  const ways = worthSaying(answers).map((answer) => `${saves(answer)} if ${answer.what}`);
  const isFreeWorth = free !== undefined && free.savedPct >= NOTHING_PCT;
  // What communication costs in all bounds what any of its changes brings.
  if (isFreeWorth) ways.push(`${saves(free)} if ${free.what}`);
  const none = free === undefined || isFreeWorth ? '' : ' Even free communication would end it no earlier.';
  if (ways.length === 0) return `Replayed, nothing that can be asked of it would end it earlier.${none}`;
  return `Replayed, ceilings all, the whole would end at most ${ways.join(', ')}.${none}`;
}

/** Ranks named one by one; of more the rest is counted. */
const MOST_STRAGGLERS = 3;

/** @returns who keeps the others waiting; empty for nobody. */
export function stragglerText({ stragglers }: Pick<Analysis, 'stragglers'>): string {
  const late = stragglers.filter(({ straggler }) => straggler).sort((a, b) => b.meanLateUs - a.meanLateUs);
  if (late.length === 0) return '';
  const texts = late.slice(0, MOST_STRAGGLERS).map(({ rank, timesLastPct, meanLateUs, computeOverMedianPct }) => {
    const computes = computeOverMedianPct >= 1 ? `, and computes ${computeOverMedianPct.toFixed(0)} % longer` : '';
    return `rank ${rank} comes last at ${timesLastPct.toFixed(0)} % of the collectives, ${timeText(meanLateUs)} after the median rank${computes}`;
  });
  const more = late.length > MOST_STRAGGLERS ? `; ${late.length - MOST_STRAGGLERS} more do so` : '';
  return `Others are kept waiting: ${texts.join('; ')}${more}.`;
}

/**
 * @param handOvers phases that wait for what another role sends.
 * @returns one sentence that names the largest exposed piece of the steady layers and its cause.
 */
export function exposedText(analysis: Analysis, handOvers: ReadonlySet<string> = new Set()): string {
  const { steady, timeline } = analysis;
  const where = steady === null ? 'whole' : 'steady layers';
  const piece = analysis.steadyExposed.at(0);
  if (piece === undefined) {
    if (timeline.commUs === 0)
      return 'The trace has no communication that the table of kernels knows; name its kernels with --communication.';
    return `No communication is exposed in the ${where}: all of it is hidden behind computation.`;
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
  const told = handOvers.has(piece.phase) ? 'it waits for what another role sends' : cause;
  const held = piece.blocked === null ? '' : `, which holds up ${piece.blocked}`;
  const share = percentText((steady ?? timeline).exposedCommPct);
  return (
    `The largest exposed piece of the ${where} is ${timeText(piece.us)} of ${piece.phase === '' ? 'communication' : piece.phase} ` +
    `on rank ${piece.rank} at ${(piece.startUs / 1000).toFixed(2)} ms: ${told}${held}; ${share} of the ${where} is exposed in all.`
  );
}

/** @returns what there is to say of a trace: the largest exposed piece, who is late, and what would help. */
export function findingText(analysis: Analysis): string {
  return [exposedText(analysis), stragglerText(analysis), ceilingsText(analysis)]
    .filter((text) => text !== '')
    .join(' ');
}
