import type { CheckFlags } from './check/report-checks.js';
import type { MemoryFlags } from './memory-flags.js';
import type { MetricsFlags } from './metrics-flags.js';

/** Flags of commands that run something, beyond the configuration. */
export interface RunFlags extends Record<string, unknown>, MetricsFlags, MemoryFlags, CheckFlags {
  readonly out?: string;
  readonly force?: boolean;
  readonly json?: boolean;
  readonly dryRun?: boolean;
  /** Address of the live page; true for the default one. */
  readonly serve?: string | true;
  /** Seconds that the page stays after the run. */
  readonly serveFor?: string;
}
