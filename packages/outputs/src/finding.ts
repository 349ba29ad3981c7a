import type { Analysis } from '@epemu/analysis';
import { unequalParts } from '@epemu/config';
import type { Configuration } from '@epemu/config';
import { ceilingsText, exposedText, stragglerText } from '@epemu/pages';
import type { Program } from '@epemu/schedule';
import { idleBandwidth } from './idle-bandwidth.js';
import { idleSettings } from './idle-settings.js';
import { untimedSentence } from './untimed.js';

/** What to ask next: nothing is to be tried that was not emulated. */
const NEXT = 'epemu advise emulates what you can change.';

/** @returns phases that wait for what another role of the run sends. */
function handOvers({ schedule }: Configuration): ReadonlySet<string> {
  return new Set(schedule.phases.filter(({ collective }) => collective?.type === 'receive').map(({ name }) => name));
}

/**
 * @returns what there is to say of a run: the largest exposed piece of its steady layers and its cause, who keeps others
 * waiting, and what a replay says that changes would bring at most.
 */
export function findingOf(configuration: Configuration, program: Program, analysis: Analysis): string {
  const unequal = unequalParts(configuration).map(({ text }) => text);
  return [
    exposedText(analysis, handOvers(configuration)),
    stragglerText(analysis),
    unequal.length === 0 ? '' : `By the configuration ${unequal.join(', ')}.`,
    ceilingsText(analysis),
    idleBandwidth(configuration) ?? '',
    idleSettings(configuration, program) ?? '',
    untimedSentence(program) ?? '',
    NEXT,
  ]
    .filter((text) => text !== '')
    .join(' ');
}
