import { capacities, defaultRun, needsOf } from './capacity.js';
import type { Capacity } from './capacity.js';
import { bytesText } from './check.js';
import type { Check } from './check.js';
import { lookAtMachine, machineChecks } from './machine.js';
import type { Machine } from './machine.js';
import { probePorts } from './ports.js';
import { probeCompute, probeRunsFolder, probeWebSocket } from './probes.js';
import { lookAtSharedMemory, lookForTools } from './tools.js';
import { plainTable } from '../plain-table.js';

/** What this machine has, and what it can run. */
export interface Diagnosis {
  /** Whether `epemu run` without options works here. */
  readonly ok: boolean;
  readonly machine: Machine;
  readonly checks: readonly Check[];
  readonly capacities: readonly Capacity[];
}

/** Looks at this machine and tries what a run does. */
export async function diagnose(): Promise<Diagnosis> {
  const machine = lookAtMachine();
  // One after the other: the round trip is measured.
  const tried = [await probeWebSocket(), await probeCompute(), probeRunsFolder('runs')];
  const ports = await probePorts();
  const checks = [
    ...machineChecks(machine, needsOf(defaultRun())),
    ...tried,
    ...ports,
    lookAtSharedMemory(),
    ...lookForTools(),
  ];
  return {
    ok: !checks.some(({ status }) => status === 'problem'),
    machine,
    checks,
    capacities: capacities(machine),
  };
}

function capacityRow({ scenario, ranks, publishedRanks, ranksPerWorker, workers, memoryBytes }: Capacity): string[] {
  if (ranksPerWorker === undefined) return [scenario, String(publishedRanks), 'no size of it fits', '', ''];
  const size = ranks === publishedRanks ? '' : ` --ranks ${ranks}`;
  const command = `epemu run ${scenario}${size} --ranks-per-worker ${ranksPerWorker}`;
  return [scenario, String(publishedRanks), command, String(workers), bytesText(memoryBytes)];
}

/** The text of `epemu doctor`. */
export function diagnosisText({ ok, checks, capacities: found }: Diagnosis): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.flatMap(({ name, status, finding, remedy }) => [
    `${status.padEnd(7)}  ${name.padEnd(width)}  ${finding}`,
    ...(remedy === undefined ? [] : [`${' '.repeat(width + 11)}→ ${remedy}`]),
  ]);
  const head = ['scenario', 'published ranks', 'most processes that fit', 'workers', 'memory'];
  const verdict = ok
    ? 'The default run works here: epemu run'
    : 'The default run does not work here until the problems above are mended.';
  const table = plainTable(head, found.map(capacityRow), [1, 3, 4]).replace(/ +$/gm, '');
  const note = 'Fewer processes, as by default, are faster.';
  return `${lines.join('\n')}\n\n${table}\n${note}\n\n${verdict}\n`;
}
