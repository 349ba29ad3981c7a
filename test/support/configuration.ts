import { resolveConfiguration } from '@epemu/config';
import type { Configuration } from '@epemu/config';

export const SCENARIOS = ['train', 'prefill', 'decode'] as const;
export type ScenarioName = (typeof SCENARIOS)[number];

/** Tokens of each micro-batch in small runs: their rows reach each of 256 experts once, so all pairs of ranks talk; with two equal prompts each micro-batch of a prefill has one of them. */
const TOKENS = 32;

/** @returns the flags of a small run: 16 ranks on two nodes, 32 tokens a micro-batch, 4 layers, one compute thread. */
export function smallFlags(scenario: ScenarioName): Record<string, unknown> {
  const workload = scenario === 'prefill' ? { promptLengths: [TOKENS, TOKENS] } : { tokensPerMicrobatch: TOKENS };
  return { ranks: 16, layers: 4, threads: 1, ranksPerWorker: 8, fabric: 'memory', ...workload };
}

/** @returns a small run's configuration, changed by what is given. */
export function small(scenario: ScenarioName, changes: Record<string, unknown> = {}): Configuration {
  return resolveConfiguration({ scenario, flags: { ...smallFlags(scenario), ...changes } });
}

/** @returns the same as command-line arguments, from `run` or `coordinator` on. */
export function smallArguments(scenario: ScenarioName, changes: Record<string, unknown> = {}): string[] {
  const flags = Object.entries({ ...smallFlags(scenario), ...changes });
  return [
    scenario,
    ...flags.flatMap(([key, value]) => [
      `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
      String(value),
    ]),
  ];
}
