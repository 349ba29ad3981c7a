/** Flags of commands that run something, beyond the configuration. */
export interface RunFlags extends Record<string, unknown> {
  readonly out?: string;
  readonly force?: boolean;
  readonly json?: boolean;
  readonly dryRun?: boolean;
}
