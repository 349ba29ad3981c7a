import { BadInputError } from '@epemu/core';
import type { ModelPreset } from '@epemu/presets';

/**
 * @param given what the user says; else the trace's world size counts, and 1 where it has none.
 * @returns EP ranks of a run.
 * @throws BadInputError where they do not divide the model's experts.
 */
export function ranksOf(
  given: number | undefined,
  worldSize: number | undefined,
  model: ModelPreset,
  path: string,
): number {
  const ranks = given ?? worldSize ?? 1;
  if (Number.isInteger(ranks) && ranks > 0 && model.experts % ranks === 0) return ranks;
  const from = given === undefined ? `distributedInfo.world_size of ${path}` : 'ranks';
  const remedy = `give --ranks, a divisor of the ${model.experts} experts of ${model.name}`;
  throw new BadInputError('ranks', `${from} is ${ranks}; ${remedy}`);
}

/**
 * Compares a rank's experts as the kernels' grids count them with those that the ranks give.
 *
 * @throws BadInputError naming the ranks that the kernels tell of, where a number of ranks fits them.
 */
export function checkExperts(counted: number | undefined, ranks: number, model: ModelPreset): void {
  const experts = model.experts / ranks;
  if (counted === undefined || counted === experts) return;
  const told =
    ranks === 1
      ? `1 rank has all ${model.experts} experts of ${model.name}`
      : `${ranks} ranks have ${experts} of the ${model.experts} experts of ${model.name} each`;
  const fitting = model.experts / counted;
  const remedy = `give ${model.experts % fitting === 0 ? `--ranks ${fitting}, or ` : ''}the --model of the run`;
  throw new BadInputError('ranks', `${told}, but the grids of the trace's kernels count ${counted}; ${remedy}`);
}
