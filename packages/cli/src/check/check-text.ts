import { counted } from '@epemu/core';
import { plainText } from '@epemu/pages';
import { plainTable } from '../plain-table.js';
import type { CheckOutcome } from './outcome.js';

/** @returns by how much a figure is beyond its bound: `, 17.1 % beyond it`. */
function beyond({ value, bound, holds }: CheckOutcome): string {
  if (holds || typeof value !== 'number' || typeof bound !== 'number' || bound === 0) return '';
  const pct = Math.abs((100 * (value - bound)) / bound);
  return pct === 0 ? '' : `, ${pct.toFixed(pct < 10 ? 2 : 1)} % beyond it`;
}

/** @returns why a requirement does not hold, in a sentence without its end. */
export function failureSentence(outcome: CheckOutcome): string {
  const { path, valueText, operator, boundText } = outcome;
  return `${path} is ${valueText}, but it must be ${operator} ${boundText}${beyond(outcome)}`;
}

/** @returns a table of requirements, and a line that counts those that do not hold. */
export function checkText(outcomes: readonly CheckOutcome[]): string {
  const rows = outcomes.map((outcome) => [
    outcome.holds ? 'ok' : 'FAIL',
    plainText(outcome.path),
    plainText(outcome.valueText),
    outcome.operator,
    `${plainText(outcome.boundText)}${beyond(outcome)}`,
  ]);
  const failed = outcomes.filter((outcome) => !outcome.holds).length;
  const verdict =
    failed === 0
      ? outcomes.length === 1
        ? 'the requirement holds'
        : `all ${outcomes.length} requirements hold`
      : `${failed} of ${counted(outcomes.length, 'requirement')} ${failed === 1 ? 'does' : 'do'} not hold`;
  return `${plainTable(['', 'figure', 'is', 'must be', ''], rows, [2]).replace(/ +$/gm, '')}\n${verdict}\n`;
}
