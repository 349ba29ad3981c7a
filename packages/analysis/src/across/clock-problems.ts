import type { InputProblem } from '../model.js';
import { TOLERANCE_NS } from './align.js';
import type { Aligned, Alignment } from './align.js';

/** Ranks named one by one in a sentence; of more the rest is counted. */
const MOST_NAMED = 8;

/** @returns a sentence that says which clocks were moved, by how much and why. */
function movedProblems(file: string, alignment: Alignment | null): InputProblem[] {
  const moved = alignment?.offsets.filter(({ aheadUs }) => aheadUs !== 0) ?? [];
  if (alignment === null || moved.length === 0) return [];
  const named = moved.slice(0, MOST_NAMED).map(({ rank, aheadUs }) => `rank ${rank} by ${(-aheadUs).toFixed(1)} µs`);
  const more = moved.length > MOST_NAMED ? ` and ${moved.length - MOST_NAMED} more` : '';
  const before = alignment.violationUs.before;
  const why =
    before > 0
      ? `by the clocks of the captures a rank left a collective up to ${before.toFixed(1)} µs before another came to it`
      : 'that was asked for';
  const message = `clocks were moved (${named.join(', ')}${more}) so that ranks leave their collectives together: ${why}; --align never leaves them as they are`;
  return [{ file, message, partial: false }];
}

/** @returns what figures across ranks suffer from clocks that could not be brought together, a sentence each. */
export function clockProblems({ set, alignment }: Aligned, apart: readonly number[]): InputProblem[] {
  const problems = set.ranks
    .filter(({ rank }) => apart.includes(rank))
    .map(({ rank, content: { file } }): InputProblem => {
      const message = `rank ${rank} shares no collective with the others that would tell its clock, and its times are far from theirs: it starts at 0 by itself, and skew leaves it out`;
      return { file, message, partial: true };
    });
  problems.push(...movedProblems(set.files[0] ?? '', alignment));
  // Emulated ranks have one clock: whoever leaves early there, as one that only sends, does so by the program.
  const afterUs = set.source === 'emulated' ? 0 : (alignment?.violationUs.after ?? 0);
  if (afterUs * 1000 > TOLERANCE_NS) {
    const still = alignment!.applied ? 'clocks that were aligned still contradict' : 'clocks contradict';
    const message = `${still} the collectives by up to ${afterUs.toFixed(1)} µs, by which a rank leaves one before another has come to it: skew and critical path are no more exact than that`;
    problems.push({ file: set.files[0] ?? '', message, partial: false });
  }
  return problems;
}
