import { BadInputError, EpemuError } from '@epemu/core';

/** Ports of which one is to be listened on, ascending; `{ first: 0, last: 0 }` is any free one. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** Thrown when all ports of a range are in use. */
export class PortRangeError extends EpemuError {
  constructor(
    readonly range: PortRange,
    /** The address that was listened on. */
    readonly host: string,
  ) {
    const { first, last } = range;
    const taken = first === last ? `port ${first} is in use` : `all ports from ${first} to ${last} are in use`;
    super(`the worker cannot listen on ${host}: ${taken}; give it other ports with --port`);
  }
}

/** Reads `7100`, `7100-7163` or `0`. @throws BadInputError naming the field. */
export function parsePortRange(field: string, text: string): PortRange {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (match === null || last > 65_535 || last < first || (first === 0 && last > 0)) {
    throw new BadInputError(field, `${field} is ${text}, but it must be a port, or a range like 7100-7163; 0 is any`);
  }
  return { first, last };
}

/**
 * Listens on the first port of a range that is free.
 * @throws PortRangeError when none is; another error of listening as it is.
 */
export async function listenInRange<T>(
  range: PortRange,
  host: string,
  listen: (port: number) => Promise<T>,
): Promise<T> {
  for (let port = range.first; port <= range.last; port++) {
    try {
      return await listen(port);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    }
  }
  throw new PortRangeError(range, host);
}
