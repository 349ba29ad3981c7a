import { StringDecoder } from 'node:string_decoder';

import { BadInputError, messageOf, isMapping } from '@epemu/core';

import { type Damage, DamagedTraceError, NoTraceError } from './damage.js';
import { onOneLine, parseElements } from './elements.js';
import { asTraceEvent, type TraceEvent } from './event.js';
import { parseLeniently } from './lenient.js';
import { TraceScanner } from './scanner.js';
import { OtherFormatError, unpackedPieces } from './unpack.js';

/** What to do with what is not an event. */
export interface TraceReadOptions {
  /**
   * Gets the JSON text of everything beside the events, once, at the end; of a damaged file the members that came
   * before the damage.
   */
  readonly onMetadata?: (text: string) => void;
  /**
   * Gets what is wrong with a file whose events can be read in part, at the end: elements that are no events and were
   * left out, and a place beyond which nothing was read. Without it reading throws the first of these.
   */
  readonly onDamage?: (damage: DamagedTraceError) => void;
}

const CUT = 'copy it or record it again';
const BROKEN = 'write it again or repair it there';

/** JSON that lies beside traces, by the members that tell it. */
const OTHER_CONTENTS: readonly { readonly members: readonly string[]; readonly what: string }[] = [
  { members: ['segments', 'device_traces'], what: 'a snapshot of memory, which has no kernels' },
  { members: ['schema', 'pid', 'nodes'], what: 'an execution trace of PyTorch, which has no times of kernels' },
  { members: ['CudaEvent'], what: 'an export of Nsight Systems, which is not read: record with a profiler of PyTorch' },
  {
    members: ['TraceProcessEvent'],
    what: 'an export of Nsight Systems, which is not read: record with a profiler of PyTorch',
  },
];

/** Events with something wrong: how many, and the first. */
interface Flawed {
  readonly first: Damage;
  count: number;
}

/** Whether an element says nothing at all: JAX begins and ends its events with such ones. */
function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

/** One file while it is read. */
class TraceReader {
  readonly #path: string;
  readonly #isLenient: boolean;
  readonly #scanner = new TraceScanner();
  readonly #decoder = new StringDecoder('utf8');
  /** Elements so far. */
  #count = 0;
  #skipped: Flawed | undefined;
  #mended: Flawed | undefined;
  /** Why nothing more is read. */
  #end: Damage | undefined;

  constructor(path: string, isLenient: boolean) {
    this.#path = path;
    this.#isLenient = isLenient;
  }

  async *batches(): AsyncGenerator<TraceEvent[], void, undefined> {
    const pieces = unpackedPieces(this.#path);
    try {
      while (this.#end === undefined) {
        const text = await this.#next(pieces);
        if (text === undefined) break;
        const events = this.#parse(text);
        if (events.length > 0) yield events;
        const { problem } = this.#scanner;
        if (problem !== undefined) this.#end ??= { remedy: BROKEN, ...problem, event: this.#count };
      }
    } finally {
      await pieces.return();
    }
    this.#finish();
  }

  /** What is wrong, skipped elements first. */
  *damages(): Generator<DamagedTraceError> {
    if (this.#skipped !== undefined) {
      const { first, count } = this.#skipped;
      const what = count === this.#count ? `none of its ${count} events can be read` : `${count} events are left out`;
      const reason = count === 1 ? first.reason : `${what}, for ${first.reason}`;
      yield new DamagedTraceError(this.#path, { ...first, reason });
    }
    if (this.#mended !== undefined) {
      const { first, count } = this.#mended;
      const what =
        count === 1
          ? 'one is no strict JSON, and is read without what is wrong in it'
          : `${count} are no strict JSON, and are read without what is wrong in them; the first`;
      const reason = `${what}: ${first.reason}`;
      yield new DamagedTraceError(this.#path, { ...first, reason });
    }
    if (this.#end !== undefined) yield new DamagedTraceError(this.#path, this.#end);
  }

  /** JSON text of what stands beside the events, as far as it is whole. */
  get metadataText(): string {
    const text = this.#scanner.metadataText;
    try {
      JSON.parse(text);
      return text;
    } catch (cause) {
      const reason = `what stands beside its "traceEvents" is no JSON: ${onOneLine(cause)}`;
      this.#end ??= { reason, offset: this.#scanner.offset, event: this.#count, remedy: BROKEN, cause };
      const mended = parseLeniently(text);
      return isMapping(mended) ? JSON.stringify(mended) : '{}';
    }
  }

  /** @returns the events' text in the next piece; undefined when there is none. */
  async #next(pieces: AsyncGenerator<Buffer, void, undefined>): Promise<string | undefined> {
    try {
      const { value, done } = await pieces.next();
      return done === true ? undefined : this.#scanner.feed(this.#decoder.write(value));
    } catch (cause) {
      const reason = messageOf(cause);
      // Nothing of the file may have been read: it may be missing, or a directory.
      if (cause instanceof OtherFormatError) throw this.#refusal(reason, cause);
      if (!this.#scanner.found) throw this.#refusal(`${reason}; give a trace file, plain or gzip`, cause);
      this.#end = { reason, offset: this.#scanner.offset, event: this.#count, remedy: CUT, cause };
      return undefined;
    }
  }

  #parse(text: string): TraceEvent[] {
    if (text === '') return [];
    const { values, flaws } = parseElements(text, this.#scanner.spans);
    const events: TraceEvent[] = [];
    let next = 0;
    for (const [index, value] of values.entries()) {
      const flaw = flaws[next]?.index === index ? flaws[next++] : undefined;
      const event = asTraceEvent(value);
      if (flaw?.isMended === true && event !== undefined) this.#mended = this.#noted(this.#mended, text, flaw);
      if (event !== undefined) events.push(event);
      else if (!isEmpty(value)) this.#skipped = this.#noted(this.#skipped, text, flaw ?? { index, value });
      if (!this.#isLenient && (this.#skipped ?? this.#mended) !== undefined) {
        this.#end = (this.#skipped ?? this.#mended)!.first;
        break;
      }
    }
    this.#count += values.length;
    return events;
  }

  /** Takes note of an element that is no event, or not a sound one. */
  #noted(
    flawed: Flawed | undefined,
    text: string,
    found: { readonly index: number; readonly reason?: string; readonly cause?: unknown; readonly value?: unknown },
  ): Flawed {
    if (flawed !== undefined) {
      flawed.count++;
      return flawed;
    }
    const { index, reason, cause, value } = found;
    const event = this.#count + index;
    const offset = this.#scanner.eventsOffset + Buffer.byteLength(text.slice(0, this.#scanner.spans[2 * index]));
    const place = { offset, event, isOfEvents: true };
    if (reason !== undefined) return { first: { ...place, reason, remedy: BROKEN, cause }, count: 1 };
    const why = isMapping(value) ? `event ${event} has no "ph"` : `event ${event} is not an object`;
    return { first: { ...place, reason: why, remedy: 'every trace event needs one' }, count: 1 };
  }

  /** Tells a file that ended well from one that was cut, and from one that is no trace. */
  #finish(): void {
    const { found, finished, mayEnd, offset } = this.#scanner;
    const wanted = 'give a Chrome or PyTorch-profiler trace';
    if (!found && finished && this.#end !== undefined) {
      const more = `${this.#otherContent()}, and more behind it, as a list of JSON texts has; ${wanted}`;
      throw new NoTraceError(this.#path, this.#sentence(more));
    }
    if (!found && this.#end !== undefined) {
      throw this.#refusal(`it has no "traceEvents" array: ${this.#end.reason} (byte ${this.#end.offset}); ${wanted}`);
    }
    if (!found && !finished && offset > 0) {
      throw this.#refusal(`it ends at byte ${offset} with no "traceEvents" array begun; ${wanted}, and a whole one`);
    }
    if (!found && finished) throw new NoTraceError(this.#path, this.#sentence(`${this.#otherContent()}; ${wanted}`));
    if (!found) throw this.#refusal(`it has no "traceEvents" array in its ${offset} bytes; ${wanted}`);
    if (finished || mayEnd || this.#end !== undefined) return;
    const reason = `it ends in the middle, after ${this.#count} whole events`;
    this.#end = { reason, offset, event: this.#count, remedy: CUT };
  }

  #refusal(reason: string, cause?: unknown): BadInputError {
    const options = cause === undefined ? {} : { cause };
    return new BadInputError(this.#path, this.#sentence(reason), options);
  }

  #sentence(reason: string): string {
    return `${this.#path} cannot be read as a trace: ${reason}`;
  }

  /** What a whole JSON text without events is. */
  #otherContent(): string {
    const { offset } = this.#scanner;
    const value = parseLeniently(this.#scanner.metadataText);
    const keys = isMapping(value) ? Object.keys(value) : [];
    const what = OTHER_CONTENTS.find(({ members }) => members.every((member) => keys.includes(member)))?.what;
    const known = what === undefined ? '' : `; it is ${what}`;
    return `it has no "traceEvents" array in its ${offset} bytes${known}`;
  }
}

/**
 * Reads a trace piece by piece: an object with a `traceEvents` array, or an array of events; plain or gzip.
 *
 * @throws BadInputError when the file is missing or has no events to read; {@link DamagedTraceError} when it is cut
 * short or broken, unless that is to be reported.
 */
export async function* readTraceBatches(
  path: string,
  { onMetadata, onDamage }: TraceReadOptions = {},
): AsyncGenerator<TraceEvent[], void, undefined> {
  const reader = new TraceReader(path, onDamage !== undefined);
  yield* reader.batches();
  const metadata = reader.metadataText;
  for (const damage of reader.damages()) {
    if (onDamage === undefined) throw damage;
    onDamage(damage);
  }
  onMetadata?.(metadata);
}

/** Reads a trace's events one by one, in file order; memory does not grow with the file. */
export async function* readTraceEvents(
  path: string,
  options: TraceReadOptions = {},
): AsyncGenerator<TraceEvent, void, undefined> {
  for await (const batch of readTraceBatches(path, options)) yield* batch;
}

/** Reads a whole trace into memory; for files known to be small. */
export async function readTrace(
  path: string,
  { onDamage }: Pick<TraceReadOptions, 'onDamage'> = {},
): Promise<{ readonly metadata: Readonly<Record<string, unknown>>; readonly events: readonly TraceEvent[] }> {
  const events: TraceEvent[] = [];
  let metadata: Record<string, unknown> = {};
  const onMetadata = (text: string): void => {
    metadata = JSON.parse(text) as Record<string, unknown>;
  };
  const options = onDamage === undefined ? { onMetadata } : { onMetadata, onDamage };
  for await (const batch of readTraceBatches(path, options)) for (const event of batch) events.push(event);
  delete metadata.traceEvents;
  return { metadata, events };
}
