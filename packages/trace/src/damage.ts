import { BadInputError } from '@epemu/core';

/** What is wrong with a file, and where. */
export interface Damage {
  readonly reason: string;
  /** Bytes of the unpacked text before it. */
  readonly offset: number;
  /** Elements of `traceEvents` before it. */
  readonly event: number;
  readonly remedy: string;
  readonly cause?: unknown;
  /** Whether it is about events by themselves: all others are read. */
  readonly isOfEvents?: boolean;
}

/** Thrown where a file is whole and holds something else than a trace. */
export class NoTraceError extends BadInputError {}

/** Thrown, or reported where a reader asks for what is whole, when a file is cut, broken or holds what is no event. */
export class DamagedTraceError extends BadInputError {
  /** Bytes of the unpacked text before the damage. */
  readonly offset: number;
  /** Elements of `traceEvents` before the damage. */
  readonly event: number;

  constructor(path: string, { reason, offset, event, remedy, cause, isOfEvents = false }: Damage) {
    const place = `byte ${offset} of its text, near event ${event}`;
    const options = cause === undefined ? {} : { cause };
    const what = isOfEvents ? 'not all of its events can be read as they are' : 'cannot be read as a trace';
    super(path, `${path}${isOfEvents ? ':' : ''} ${what}: ${reason} (${place}); ${remedy}`, options);
    this.offset = offset;
    this.event = event;
  }
}
