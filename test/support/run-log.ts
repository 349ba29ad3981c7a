import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A line of a run's log, with what lines of some types have. */
export interface LogEvent {
  readonly type?: string;
  readonly reason?: string;
  readonly pid?: number;
  readonly workers?: readonly { readonly pid: number; readonly ranks: readonly number[] }[];
}

/** @returns the lines of a run's log; none before there is one. */
export function eventsOf(folder: string): LogEvent[] {
  const path = join(folder, 'run.log');
  if (!existsSync(path)) return [];
  // A line may be under way.
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as LogEvent);
}

/** @returns the ranks that each worker process was given, by pid. */
export function ranksByPid(folder: string): Map<number, readonly number[]> {
  const placed = eventsOf(folder).find(({ type }) => type === 'placed');
  return new Map(placed?.workers?.map(({ pid, ranks }) => [pid, ranks]));
}
