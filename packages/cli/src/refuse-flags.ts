import { BadInputError } from '@epemu/core';

/**
 * @param instead what there is in the place of a number of ranks.
 * @throws BadInputError where a flag or the environment gives one all the same.
 */
export function refuseRanks(flags: Readonly<Record<string, unknown>>, instead: string): void {
  const given = flags['ranks'] !== undefined ? '--ranks' : process.env['EPEMU_RANKS'] ? 'EPEMU_RANKS' : undefined;
  if (given !== undefined) throw new BadInputError(given, `${given} is given, but ${instead}; give these`);
}

/**
 * @param own the scenario that the flags are of, and these, by the names of their values.
 * @throws BadInputError where one of them stands beside another scenario, which it would do nothing in.
 */
export function refuseFlagsOf(
  own: { readonly scenario: string; readonly flags: Readonly<Record<string, string>> },
  given: object,
  scenario: string,
): void {
  for (const [key, flag] of Object.entries(own.flags)) {
    if ((given as Readonly<Record<string, unknown>>)[key] === undefined) continue;
    throw new BadInputError(
      flag,
      `${flag} is of the scenario ${own.scenario} and does nothing in ${scenario}; remove it`,
    );
  }
}
