import { existsSync } from 'node:fs';
import { scenarioNames } from '@epemu/config';
import { BadInputError } from '@epemu/core';

/**
 * A flag whose value may be left out takes the next word: `--metrics decode` gives it what was meant as the scenario.
 * @throws BadInputError naming the flag where its value is a scenario or a file of one.
 */
export function refuseScenario(flag: string, value: string, port: number): void {
  if (!scenarioNames().includes(value) && !existsSync(value)) return;
  throw new BadInputError(
    flag,
    `${flag} is ${value}, which is a scenario and no address; write the scenario first, or ${flag}=${port}`,
  );
}
