import type { Move, RunEvent } from '@epemu/cluster';
import { resolveConfiguration } from '@epemu/config';
import type { Configuration } from '@epemu/config';
import { buildProgram } from '@epemu/schedule';
import type { Program } from '@epemu/schedule';

/** A run that a test makes up the events of. */
export interface MadeRun {
  readonly configuration: Configuration;
  readonly program: Program;
  readonly begun: RunEvent;
}

/** @returns a run of a scenario that nothing has happened in yet. */
export function madeRun(scenario: string, flags: Record<string, unknown>, folder = '/nowhere'): MadeRun {
  const configuration = resolveConfiguration({ scenario, flags });
  const program = buildProgram(configuration);
  return {
    configuration,
    program,
    begun: { type: 'begun', runId: 'r1', folder, configuration, program, external: true },
  };
}

/** @returns a move of a rank, 100 ns long: operation n starts at n × 1000 ns, `lateNs` later on later ranks. */
export function moveOf(rank: number, operation: number, lateNs = 10): Move {
  const startNs = operation * 1000 + rank * lateNs;
  return { rank, operation, background: false, startNs, endNs: startNs + 100 };
}

/** @returns a report of one worker's ranks. */
export function moved(moves: readonly Move[], messagesSent = 0): RunEvent {
  const operations = moves.map(({ rank, operation }): readonly [number, number] => [rank, operation]);
  return { type: 'moved', worker: 0, operations, messagesSent, moves };
}
