import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ScheduleTemplate } from '@epemu/config';
import { small } from './configuration.js';

type PhaseTemplate = ScheduleTemplate['phases'][number];

/** Writes a scenario file: prefill with its phases changed. @returns its path. */
export function scenarioFile(
  folder: string,
  name: string,
  change: (phases: PhaseTemplate[]) => PhaseTemplate[],
): string {
  const { schedule } = small('prefill', { ranks: 8 });
  const phases = change(structuredClone(schedule.phases));
  const path = join(folder, `${name}.json`);
  const file = { scenario: 'prefill', ranks: 8, schedule: { ...schedule, phases } };
  writeFileSync(path, JSON.stringify(file));
  return path;
}

/** @returns phases of which the named one is changed. */
export function changed(phases: PhaseTemplate[], name: string, change: Partial<PhaseTemplate>): PhaseTemplate[] {
  return phases.map((phase) => (phase.name === name ? { ...phase, ...change } : phase));
}

/** Writes a text file. @returns its path. */
export function textFile(folder: string, name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}
