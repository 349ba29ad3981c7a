import type { Configuration } from '@epemu/config';
import { appliesTo } from './applies.js';
import { measuresBy } from './load.js';
import { rowOf } from './row.js';
import type { CalibrationRow } from './row.js';
import { runFigure } from './run-figures.js';
import type { RunFigures } from './run-figures.js';

/**
 * @returns the published figures that apply to a run of this configuration, each beside the emulated one; none where
 * nobody has published anything of the kind. Figures that do not depend on some part of a configuration apply whatever
 * it is: attention's phases at any number of ranks, for their work is the same, but the experts' phases at theirs
 * alone, for the number of experts on a rank, and with it padding and weights, follows from the ranks.
 */
export function calibrationRows(configuration: Configuration, run: RunFigures): CalibrationRow[] {
  const { rankZero } = run.figures;
  return measuresBy('run').flatMap(({ figure, index, measure }) => {
    if (!appliesTo(configuration, measure)) return [];
    const emulated = runFigure(run, measure);
    if (emulated === undefined) return [];
    // What follows from the throughput is of all ranks together.
    const rank0 = rankZero === null ? undefined : runFigure({ figures: rankZero, throughput: null }, measure);
    return [rowOf(figure, index, emulated, rank0)];
  });
}
