import { BadInputError } from '@epemu/core';

/**
 * @param instead what there is in the place of a number of ranks.
 * @throws BadInputError where a flag or the environment gives one all the same.
 */
export function refuseRanks(flags: Readonly<Record<string, unknown>>, instead: string): void {
  const given = flags['ranks'] !== undefined ? '--ranks' : process.env['EPEMU_RANKS'] ? 'EPEMU_RANKS' : undefined;
  if (given !== undefined) throw new BadInputError(given, `${given} is given, but ${instead}; give these`);
}
