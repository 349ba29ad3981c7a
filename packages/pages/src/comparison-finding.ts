import type { Change, Comparison } from '@epemu/analysis';
import { signedTimeText, timeText } from './units.js';

/** Traces may have whole µs only; less than half a one is no difference. */
const ROUNDING_US = 0.5;
/** Changes that go with the whole's, and those against it, that the sentence names. */
const MOST_ALONG = 2;

const UNPLACED: Readonly<Record<Change['part'], string>> = {
  computation: 'computation of no phase',
  'exposed communication': 'exposed communication of no phase',
  'copies and fills': 'copies and fills',
  idle: 'idle time',
};

/** @returns what changed, in words: `mlp(W)`, `exposed communication of combine(B)`, `idle time`. */
export function changeText({ what, part }: Change): string {
  if (what === '') return UNPLACED[part];
  return part === 'computation' ? what : `${part} of ${what}`;
}

function named(change: Change): string {
  return `${changeText(change)}, ${signedTimeText(change.differenceUs)}`;
}

/** @returns one sentence: what changed most and where, or that nothing differs beyond rounding. */
export function comparisonSentence({ basis, changes, decomposition }: Comparison): string {
  const { a, difference, differencePct } = decomposition;
  const unit = `${basis.window === 'steady' ? 'steady ' : ''}${basis.unit}`;
  const seen = changes.filter(({ differenceUs }) => Math.abs(differenceUs) >= ROUNDING_US);
  const by = difference.layerUs;
  if (seen.length === 0 && Math.abs(by) < ROUNDING_US) {
    return `A and B do not differ beyond rounding: a ${unit} takes ${timeText(a.layerUs)} in both.`;
  }
  if (Math.abs(by) < ROUNDING_US) {
    return `B’s ${unit} is as long as A’s, but not made of the same: ${seen.slice(0, MOST_ALONG).map(named).join('; ')}.`;
  }
  const along = seen.filter(({ differenceUs }) => differenceUs > 0 === by > 0).slice(0, MOST_ALONG);
  const against = seen.find(({ differenceUs }) => differenceUs > 0 !== by > 0);
  const pct =
    differencePct === null ? '' : ` (${Math.abs(differencePct).toFixed(Math.abs(differencePct) < 1 ? 2 : 1)} %)`;
  const head = `B’s ${unit} is ${timeText(Math.abs(by))}${pct} ${by > 0 ? 'longer' : 'shorter'}`;
  const isMost = along.length > 0 && Math.abs(along[0].differenceUs) >= Math.abs(by) / 2;
  const why = along.length === 0 ? '' : `: ${isMost ? 'mostly ' : 'most of all '}${along.map(named).join(', then ')}`;
  // Only what weighs as much as what is named is worth a word.
  const weighs = against !== undefined && Math.abs(against.differenceUs) >= Math.abs(by) / 4;
  return `${head}${why}${weighs ? `; ${named(against)}, makes up for some of it` : ''}.`;
}
