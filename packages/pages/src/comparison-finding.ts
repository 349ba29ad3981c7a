import type { Change, Comparison } from '@epemu/analysis';
import { percentText, signedTimeText, timeText } from './units.js';

/** Traces may have whole µs only; less than half a one is no difference. */
const ROUNDING_US = 0.5;
/** Changes that the sentence names. */
const MOST_NAMED = 2;
/** A change of the whole that is less than this share of one of its parts says little: what it is made of changed. */
const LEAST_NET = 0.1;
/** Changes that are less than this share of the first are not named. */
const LEAST_WEIGHT = 0.25;

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
  // Phases of all layers beside a steady layer leave over what fills and drains: that is no change of anything.
  const isPlaced = ({ what, part }: Change): boolean =>
    what !== '' || part === 'idle' || part === 'copies and fills' || basis.window === basis.tablesWindow;
  const seen = changes.filter((each) => Math.abs(each.differenceUs) >= ROUNDING_US && isPlaced(each));
  const by = difference.layerUs;
  if (seen.length === 0 && Math.abs(by) < ROUNDING_US) {
    return `A and B do not differ beyond rounding: a ${unit} takes ${timeText(a.layerUs)} in both.`;
  }
  const most = Math.max(0, ...seen.map(({ differenceUs }) => Math.abs(differenceUs)));
  const pct = differencePct === null ? '' : ` (${percentText(Math.abs(differencePct))})`;
  if (Math.abs(by) < ROUNDING_US || Math.abs(by) < most * LEAST_NET) {
    const alike = Math.abs(by) < ROUNDING_US ? 'as long as A’s' : `${timeText(Math.abs(by))}${pct} ${longer(by)}`;
    return `B’s ${unit} is ${alike}, but what it is made of differs by more: ${seen.slice(0, MOST_NAMED).map(named).join('; ')}.`;
  }
  const along = seen.filter(({ differenceUs }) => differenceUs > 0 === by > 0);
  const against = seen.find(({ differenceUs }) => differenceUs > 0 !== by > 0);
  const [first] = along;
  const head = `B’s ${unit} is ${timeText(Math.abs(by))}${pct} ${longer(by)}`;
  if (first === undefined) return `${head}.`;
  // Only what weighs something beside what is named first is worth a word.
  const weighs = ({ differenceUs }: Change): boolean =>
    Math.abs(differenceUs) >= Math.abs(first.differenceUs) * LEAST_WEIGHT;
  const why = `${Math.abs(first.differenceUs) >= Math.abs(by) / 2 ? 'mostly' : 'most of all'} ${along.slice(0, MOST_NAMED).filter(weighs).map(named).join(', then ')}`;
  const other = against !== undefined && weighs(against) ? `; ${named(against)}, makes up for some of it` : '';
  return `${head}: ${why}${other}.`;
}

function longer(by: number): string {
  return by > 0 ? 'longer' : 'shorter';
}
