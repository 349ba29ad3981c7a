import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A built-in scenario: defaults of a configuration and its schedule with and without overlap. */
export interface ScenarioData {
  readonly defaults: Readonly<Record<string, unknown>>;
  readonly schedules: Readonly<Record<string, unknown>>;
}

const FOLDER = new URL('../data/scenarios/', import.meta.url);
/** Scenarios whose size a command of their own makes up. */
const SIZED_FOLDER = new URL('../data/sized-scenarios/', import.meta.url);

/** @returns the names of the built-in scenarios, sorted. */
export function scenarioNames(): string[] {
  return readdirSync(fileURLToPath(FOLDER))
    .map((file) => file.replace(/\.json$/, ''))
    .sort();
}

/** @returns a built-in scenario, or undefined where there is none of that name. */
export function scenarioData(name: string): ScenarioData | undefined {
  if (!/^[a-z-]+$/.test(name)) return undefined;
  const files = [FOLDER, SIZED_FOLDER].map((folder) => new URL(`${name}.json`, folder));
  const file = files.find((path) => existsSync(path));
  if (file === undefined) return undefined;
  return JSON.parse(readFileSync(file, 'utf8')) as ScenarioData;
}
