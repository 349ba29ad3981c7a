/** Exit codes of the command line, one per kind of failure. */
export const EXIT_CODE = {
  failure: 1,
  badInput: 2,
  rankFailed: 3,
  noProgress: 4,
  /** Done, but a figure is not what `--require` says. */
  requirement: 5,
  interrupted: 130,
  terminated: 143,
} as const;

/** Base of every error that users may see: its message is one sentence with field, value and remedy. */
export class EpemuError extends Error {
  /** The process exit code this failure ends a command with. */
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT_CODE.failure, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.exitCode = exitCode;
  }
}

/** Thrown before anything starts when a flag, a file or an environment variable holds what is not allowed. */
export class BadInputError extends EpemuError {
  /** The field or file at fault, as the user wrote it (`ranks`, `--set hardware.sms`, `scenario.yaml`). */
  readonly field: string;

  constructor(field: string, message: string, options?: ErrorOptions) {
    super(message, EXIT_CODE.badInput, options);
    this.field = field;
  }
}

/** Thrown when a rank or its worker process ended before the run did. */
export class RankFailedError extends EpemuError {
  constructor(
    message: string,
    /** What is known of the failed worker; absent where it never said. */
    readonly detail: {
      ranks: readonly number[];
      pid?: number;
      signal?: string;
      exitStatus?: number;
      layer?: number;
      phase?: string;
      cause?: string;
    },
  ) {
    super(message, EXIT_CODE.rankFailed);
  }
}

/** Thrown when no rank reported progress for the stall time-out. */
export class NoProgressError extends EpemuError {
  constructor(message: string) {
    super(message, EXIT_CODE.noProgress);
  }
}

/** Thrown when something that cannot happen did: two events tie in a total order, counts do not add up. */
export class InvariantError extends EpemuError {}

/** @returns the message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** @returns an error of anything that was thrown: itself where it is one of ours, else one that has it as its cause. */
export function asEpemuError(cause: unknown): EpemuError {
  return cause instanceof EpemuError ? cause : new EpemuError(messageOf(cause), EXIT_CODE.failure, { cause });
}
