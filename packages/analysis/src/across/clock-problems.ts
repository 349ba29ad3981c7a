import type { InputProblem } from '../model.js';
import { TOLERANCE_NS } from './align.js';
import type { Aligned } from './align.js';

/** @returns what figures across ranks suffer from clocks that could not be brought together, a sentence each. */
export function clockProblems({ set, alignment }: Aligned, apart: readonly number[]): InputProblem[] {
  const problems = set.ranks
    .filter(({ rank }) => apart.includes(rank))
    .map(({ rank, content: { file } }): InputProblem => {
      const message = `rank ${rank} shares no collective with the others that would tell its clock, and its times are far from theirs: it starts at 0 by itself, and skew leaves it out`;
      return { file, message, partial: true };
    });
  const afterUs = alignment?.violationUs.after ?? 0;
  if (afterUs * 1000 > TOLERANCE_NS) {
    const still = alignment!.applied ? 'clocks that were aligned still contradict' : 'clocks contradict';
    const message = `${still} the collectives by up to ${afterUs.toFixed(1)} µs, by which a rank leaves one before another has come to it: skew and critical path are no more exact than that`;
    problems.push({ file: set.files[0] ?? '', message, partial: false });
  }
  return problems;
}
