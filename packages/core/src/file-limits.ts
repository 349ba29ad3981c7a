import { BadInputError } from './errors.js';

/** How much of a kind of file is read, and the variable of the environment that says another number. */
export interface FileLimit {
  /** What is limited, as in `it has a text that …`. */
  readonly what: string;
  readonly variable: string;
  readonly most: number;
}

const MIB = 1024 * 1024;

/** Limits of all that is read from files: what is damaged or hostile must not take all memory and time there is. */
export const FILE_LIMITS = {
  configuration: { what: 'it', variable: 'EPEMU_MOST_CONFIGURATION_BYTES', most: 16 * MIB },
  operations: { what: 'its content', variable: 'EPEMU_MOST_OPERATIONS_BYTES', most: 2048 * MIB },
  trace: { what: 'its content', variable: 'EPEMU_MOST_TRACE_BYTES', most: 32 * 1024 * MIB },
  text: {
    what: 'one event of it, or what stands beside its events,',
    variable: 'EPEMU_MOST_TEXT_BYTES',
    most: 64 * MIB,
  },
  nesting: { what: 'its nesting', variable: 'EPEMU_MOST_NESTING', most: 256 },
  gzipRatio: { what: 'its content over its size', variable: 'EPEMU_MOST_GZIP_RATIO', most: 300 },
} as const satisfies Readonly<Record<string, FileLimit>>;

/** @returns a limit, or what the environment says instead. @throws BadInputError for what is no whole number from 1 on. */
export function mostOf({ variable, most }: FileLimit): number {
  const text = process.env[variable];
  if (text === undefined || text === '') return most;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1 && /^\d+$/.test(text)) return value;
  throw new BadInputError(variable, `${variable} is ${text}, but it must be a whole number of 1 or more`);
}
