import { FILE_LIMITS, mostOf } from '@epemu/core';
import type { FileLimit } from '@epemu/core';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const SPACE = 0x20;
/** Some editors and .NET begin UTF-8 files with it; JSON does not allow it. */
const BYTE_ORDER_MARK = '\uFEFF';
/** Longest name of a member beside the events. */
const KEY_LIMIT = 1 << 16;
/** One event may have so small a part of the characters that everything beside the events may have. */
const EVENT_PART = 4;

/** Why scanning cannot go on, and the byte of the text where. */
export interface ScanProblem {
  readonly reason: string;
  readonly offset: number;
  /** What to do, where that is not to mend the file. */
  readonly remedy?: string;
}

/**
 * Finds the elements of `traceEvents` in JSON text that comes in pieces. It tracks strings and depth only: elements go
 * to `JSON.parse`, many at a time, and what is beside the array is kept as text, with the array left empty. Where the
 * text cannot be a trace any more it stops, and says why: {@link problem}.
 */
export class TraceScanner {
  /** What does not end, or is nested without end, must not fill the memory. */
  readonly #besideLimit = mostOf(FILE_LIMITS.text);
  readonly #eventLimit = Math.ceil(this.#besideLimit / EVENT_PART);
  readonly #mostNesting = mostOf(FILE_LIMITS.nesting);
  #inArray = false;
  /** Text not used up yet, and how far it has been scanned. */
  #text = '';
  #at = 0;
  #depth = 0;
  #inString = false;
  /** Beside the array: the string that was read last, and the key whose value comes next at the top level. */
  #stringStart = 0;
  #lastString = '';
  #key = '';
  /** Whether what comes next at the top level is a value: of a string that is one only the end is looked for. */
  #isValue = false;
  #beside = '';
  /** How much of what is beside the array is whole members. */
  #wholeMembers = 0;
  #bare = false;
  #found = false;
  #finished = false;
  #started = false;
  #problem: ScanProblem | undefined;
  /** Bytes before the text, and before the events returned last. */
  #bytesBefore = 0;
  #eventsOffset = 0;

  /** Whether the array of events has begun. */
  get found(): boolean {
    return this.#found;
  }

  /** Whether the top-level value is complete. */
  get finished(): boolean {
    return this.#finished;
  }

  /** Why scanning ended before the text did. */
  get problem(): ScanProblem | undefined {
    return this.#problem;
  }

  /** Bytes of the text so far. */
  get offset(): number {
    return this.#offsetOf(this.#text.length);
  }

  /** Bytes before the events that {@link feed} returned last. */
  get eventsOffset(): number {
    return this.#eventsOffset;
  }

  /**
   * JSON text of the top-level object with `traceEvents` empty, `{}` for a bare array; before it is {@link finished}
   * what there is of it in whole members.
   */
  get metadataText(): string {
    if (this.#bare) return '{}';
    if (this.#finished) return this.#beside;
    if (this.#inArray) return `${this.#beside}]}`;
    return this.#wholeMembers === 0 ? '{}' : `${this.#beside.slice(0, this.#wholeMembers)}}`;
  }

  /**
   * Takes the next piece; none after a {@link problem}.
   *
   * @returns JSON text of the events that it completes, separated by commas; may be empty.
   */
  feed(piece: string): string {
    this.#text += piece;
    if (!this.#started) this.#start();
    if (this.#started && !this.#inArray) this.#scanBeside();
    if (!this.#inArray) return '';
    const events = this.#scanArray();
    // Leaving the array changes the state that was tested above.
    if (!(this.#inArray as boolean)) this.#scanBeside();
    return events;
  }

  /** Looks at the first character: a text that is no JSON would be searched to its end. */
  #start(): void {
    if (this.#text.startsWith(BYTE_ORDER_MARK)) this.#take(1);
    const first = this.#text.search(/\S/);
    if (first < 0) {
      this.#take(this.#text.length);
      return;
    }
    this.#started = true;
    const code = this.#text.charCodeAt(first);
    if (code === OPEN_BRACE || code === OPEN_BRACKET) return;
    this.#fail(`it begins with ${JSON.stringify(this.#text[first])}, where a trace has { or [`, first);
  }

  #deepen(): void {
    if (++this.#depth <= this.#mostNesting) return;
    this.#fail(`it is nested deeper than ${this.#mostNesting}`, this.#at - 1, FILE_LIMITS.nesting);
  }

  /** @param limit the limit that is passed, where there is one. */
  #fail(reason: string, at: number, limit?: FileLimit): void {
    const remedy = limit === undefined ? {} : { remedy: `raise ${limit.variable} if that is meant` };
    this.#problem ??= { reason, offset: this.#offsetOf(at), ...remedy };
  }

  #offsetOf(index: number): number {
    return this.#bytesBefore + Buffer.byteLength(this.#text.slice(0, index));
  }

  /** Moves to the end of the string that the position is in. @returns whether the text holds it. */
  #skipString(): boolean {
    const text = this.#text;
    for (;;) {
      const end = text.indexOf('"', this.#at);
      if (end < 0) {
        this.#at = text.length;
        return false;
      }
      this.#at = end + 1;
      let backslashes = 0;
      while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++;
      if (backslashes % 2 === 0) {
        this.#inString = false;
        return true;
      }
    }
  }

  #scanBeside(): void {
    const text = this.#text;
    while (this.#problem === undefined && this.#at < text.length) {
      if (this.#finished) {
        this.#scanBehind();
        return;
      }
      if (this.#inString) {
        if (!this.#skipString()) break;
        if (this.#depth === 1 && !this.#isValue) this.#lastString = text.slice(this.#stringStart, this.#at - 1);
        continue;
      }
      const code = text.charCodeAt(this.#at++);
      if (code === QUOTE) {
        this.#inString = true;
        this.#stringStart = this.#at;
      } else if (code === OPEN_BRACE) this.#deepen();
      else if (code === OPEN_BRACKET) {
        if (this.#opensEvents()) {
          this.#bare = this.#depth === 0;
          this.#keep(this.#at);
          this.#depth = 0;
          this.#inArray = this.#found = true;
          return;
        }
        this.#deepen();
      } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
        if (--this.#depth === 0) {
          this.#keep(this.#at);
          this.#finished = true;
          this.#scanBehind();
          return;
        }
      } else if (this.#depth === 1) {
        if (code === COLON) {
          this.#key = this.#lastString;
          this.#isValue = true;
        } else if (code === COMMA) {
          this.#key = '';
          this.#isValue = false;
          this.#wholeMembers = this.#beside.length + this.#at - 1;
        }
      }
    }
    this.#keepScanned();
  }

  /** Gives up what was scanned, but for a string that may be a key and backslashes that may escape what comes next. */
  #keepScanned(): void {
    let from = this.#at;
    if (this.#inString && this.#depth === 1 && !this.#isValue) from = this.#stringStart;
    else if (this.#inString) while (from > 0 && this.#text.charCodeAt(from - 1) === BACKSLASH) from--;
    const at = this.#at - from;
    this.#stringStart -= from;
    this.#keep(from);
    this.#at = at;
    if (this.#text.length > KEY_LIMIT) this.#fail(`a member's name has more than ${KEY_LIMIT} characters`, 0);
    if (this.#beside.length <= this.#besideLimit) return;
    this.#fail(`more than ${this.#besideLimit} characters stand beside its "traceEvents"`, 0, FILE_LIMITS.text);
  }

  /** Looks for what should not be: anything behind the end. */
  #scanBehind(): void {
    const next = this.#text.search(/\S/);
    if (next >= 0) this.#fail(`${JSON.stringify(this.#text[next])} stands behind its end`, next);
    else this.#take(this.#text.length);
  }

  #opensEvents(): boolean {
    return !this.#found && (this.#depth === 0 || (this.#depth === 1 && this.#key === 'traceEvents'));
  }

  /** Moves the text before an index to what is beside the array. */
  #keep(index: number): void {
    this.#beside += this.#text.slice(0, index);
    this.#take(index);
  }

  /** Gives up the text before an index. */
  #take(index: number): void {
    this.#bytesBefore = this.#offsetOf(index);
    this.#text = this.#text.slice(index);
    this.#at = 0;
  }

  #scanArray(): string {
    const text = this.#text;
    // The text begins where an unfinished element does, or between elements.
    let begin = this.#depth > 0 ? 0 : -1;
    let element = 0;
    let end = 0;
    while (this.#at < text.length) {
      if (this.#inString) {
        if (!this.#skipString()) break;
        continue;
      }
      const code = text.charCodeAt(this.#at++);
      if (code === QUOTE && this.#depth > 0) this.#inString = true;
      else if (code === OPEN_BRACE || (code === OPEN_BRACKET && this.#depth > 0)) {
        if (this.#depth === 0) element = this.#at - 1;
        this.#deepen();
        if (begin < 0) begin = element;
        if (this.#problem !== undefined) return this.#events(begin, end);
      } else if ((code === CLOSE_BRACE || code === CLOSE_BRACKET) && this.#depth > 0) {
        if (--this.#depth === 0) end = this.#at;
      } else if (this.#depth === 0 && code === CLOSE_BRACKET) {
        const events = this.#events(begin, end);
        this.#leaveArray();
        return events;
      } else if (this.#depth === 0 && code !== COMMA && code > SPACE) {
        this.#fail('an element of its "traceEvents" is not an object', this.#at - 1);
        return this.#events(begin, end);
      }
    }
    const events = this.#events(begin, end);
    const at = this.#at;
    const from = this.#depth > 0 ? element : at;
    this.#take(from);
    this.#at = at - from;
    if (this.#text.length > this.#eventLimit)
      this.#fail(`an event has more than ${this.#eventLimit} characters`, 0, FILE_LIMITS.text);
    return events;
  }

  #events(begin: number, end: number): string {
    const from = Math.max(0, begin);
    if (end <= from) return '';
    this.#eventsOffset = this.#offsetOf(from);
    return this.#text.slice(from, end);
  }

  #leaveArray(): void {
    this.#inArray = false;
    this.#beside += ']';
    this.#wholeMembers = this.#beside.length;
    this.#take(this.#at);
    this.#depth = 1;
    if (this.#bare) {
      this.#finished = true;
      this.#depth = 0;
    }
  }
}
