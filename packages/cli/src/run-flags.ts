import type { MetricsFlags } from './metrics-flags.js';

/** Flags of commands that run something, beyond the configuration. */
export interface RunFlags extends Record<string, unknown>, MetricsFlags {
  readonly out?: string;
  readonly force?: boolean;
  readonly json?: boolean;
  readonly dryRun?: boolean;
}
