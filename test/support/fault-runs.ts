import type { Configuration } from '@epemu/config';
import { buildProgram } from '@epemu/schedule';
import type { Operation } from '@epemu/schedule';
import { small, smallArguments } from './configuration.js';
import type { ScenarioName } from './configuration.js';
import { runCli } from './run-cli.js';
import type { CliEnd } from './run-cli.js';

/** The rank that a fault hits; each rank is a process of its own. */
export const VICTIM = 1;
const CHANGES = { ranks: 2, layers: 3, ranksPerWorker: 1, fabric: 'websocket', payload: 'none' };

/** @returns one operation of layer 1 for each phase of a scenario that has one there. */
export function operationsOfLayerOne(scenario: ScenarioName): Operation[] {
  const configuration: Configuration = small(scenario, { ...CHANGES, payload: { kind: 'none' } });
  const operations = buildProgram(configuration).operations.filter(({ layer, recorded }) => layer === 1 && recorded);
  return [...new Map(operations.map((operation) => [operation.phase, operation])).values()];
}

/** Runs a scenario in which a fault hits the victim at an operation. */
export function runWithFault(
  scenario: ScenarioName,
  operation: number,
  kind: 'kill' | 'stop',
  out: string,
  ...more: string[]
): Promise<CliEnd> {
  const faults = `faults=${JSON.stringify([{ rank: VICTIM, operation, kind }])}`;
  return runCli(['run', ...smallArguments(scenario, CHANGES), '--set', faults, '--out', out, ...more]);
}
