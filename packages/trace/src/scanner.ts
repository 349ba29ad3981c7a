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

/** Characters that tell whether a key follows a quote. */
const KEY_LENGTH = 16;
/** Keys that events begin with, and what may become one of them. */
const FIRST_KEY = /^(?:ph|cat|name|pid|tid|ts|dur|id|args|s|bp)"\s*:/;
const BEGUN_KEY = /^[a-z]*(?:"\s*)?$/;

/** @returns the index of the last character before an index that is not blank; −1 for none. */
function lastBefore(text: string, index: number): number {
  let at = index - 1;
  while (at >= 0 && text.charCodeAt(at) <= SPACE) at--;
  return at;
}

/** Why scanning cannot go on, and the byte of the text where. */
export interface ScanProblem {
  readonly reason: string;
  readonly offset: number;
  /** What to do, where that is not to mend the file. */
  readonly remedy?: string;
}

/**
 * Finds the elements of `traceEvents` in JSON text that comes in pieces. It tracks strings and brackets only: elements go
 * to `JSON.parse`, many at a time, and what is beside the array is kept as text, with the array left empty. An element
 * with a quote or a bracket too many or too few ends where the next one begins. Where the text cannot be a trace any more
 * it stops, and says why: {@link problem}.
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
  /** In the array: the brackets that are open, where the element began, and where something that is no object did. */
  readonly #open: number[] = [];
  #element = -1;
  #other = -1;
  /** Where the elements returned last stand in their text: beginning and end of each. */
  #spans: number[] = [];
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

  /** Whether the text may end here: Chrome's format allows an array of events without its end. */
  get mayEnd(): boolean {
    return this.#bare && this.#inArray && this.#open.length === 0 && this.#other < 0;
  }

  /** Where the elements that {@link feed} returned last stand in their text: beginning and end of each. */
  get spans(): readonly number[] {
    return this.#spans;
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
    this.#spans = [];
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
    const open = this.#open;
    let at = this.#at;
    for (;;) {
      if (this.#inString) {
        this.#at = at;
        const isWhole = this.#skipElementString();
        at = this.#at;
        if (!isWhole) break;
      }
      if (at >= text.length || this.#problem !== undefined) break;
      const code = text.charCodeAt(at++);
      if (code <= SPACE) continue;
      if (code === QUOTE) {
        this.#inString = true;
        if (open.length === 0 && this.#other < 0) this.#other = at - 1;
      } else if (code === OPEN_BRACE || code === OPEN_BRACKET) this.#openBracket(code, at - 1);
      else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
        if (open.length > 0) this.#closeBracket(code === CLOSE_BRACE ? OPEN_BRACE : OPEN_BRACKET, at);
        else if (code === CLOSE_BRACKET) return this.#lastElements(at);
        else if (this.#other < 0) this.#other = at - 1;
      } else if (open.length === 0) {
        if (code === COMMA) this.#endOther(at - 1);
        else if (this.#other < 0) this.#other = at - 1;
      }
    }
    const events = this.#elements();
    const begun = open.length > 0 ? this.#element : this.#other;
    const from = begun < 0 ? at : begun;
    this.#take(from);
    this.#at = at - from;
    this.#element = open.length > 0 ? 0 : -1;
    this.#other = this.#other < 0 ? -1 : 0;
    if (this.#text.length > this.#eventLimit) {
      this.#fail(`an event has more than ${this.#eventLimit} characters`, 0, FILE_LIMITS.text);
    }
    return events;
  }

  #openBracket(code: number, from: number): void {
    const open = this.#open;
    if (open.length > 0 && code === OPEN_BRACE && !open.includes(OPEN_BRACKET)) {
      // No object stands behind a comma in an object: brackets of the element before are missing.
      const before = lastBefore(this.#text, from);
      if (this.#text.charCodeAt(before) === COMMA) this.#endElement(before);
    }
    if (open.length === 0) {
      this.#endOther(from);
      this.#element = from;
    }
    open.push(code);
    if (open.length <= this.#mostNesting) return;
    this.#fail(`it is nested deeper than ${this.#mostNesting}`, from, FILE_LIMITS.nesting);
  }

  /** Closes what is open since a bracket of this kind; one that closes nothing is no bracket. */
  #closeBracket(opened: number, end: number): void {
    const open = this.#open;
    let at = open.length - 1;
    while (at >= 0 && open[at] !== opened) at--;
    if (at === 0) this.#endElement(end);
    else if (at > 0) while (open.length > at) open.pop();
  }

  #endElement(end: number): void {
    this.#spans.push(this.#element, end);
    this.#open.length = 0;
    this.#element = -1;
  }

  #endOther(end: number): void {
    if (this.#other >= 0) this.#spans.push(this.#other, lastBefore(this.#text, end) + 1);
    this.#other = -1;
  }

  /**
   * Moves to the end of the string that the position is in. Where a quote is missing, or escaped by a backslash that
   * was meant as one, strings and what is between them change places, until the first key of the next event.
   *
   * @returns whether the text holds the end.
   */
  #skipElementString(): boolean {
    if (!this.#skipString()) return false;
    const text = this.#text;
    const quote = this.#at - 1;
    const brace = lastBefore(text, quote);
    if (text.charCodeAt(brace) !== OPEN_BRACE || brace <= this.#element) return true;
    const comma = lastBefore(text, brace);
    const end = lastBefore(text, comma);
    if (text.charCodeAt(comma) !== COMMA || text.charCodeAt(end) !== CLOSE_BRACE || end < 0) return true;
    if (BEGUN_KEY.test(text.slice(quote + 1, quote + KEY_LENGTH))) {
      // What follows in the next piece tells.
      this.#at = quote;
      this.#inString = true;
      return false;
    }
    if (!FIRST_KEY.test(text.slice(quote + 1, quote + KEY_LENGTH))) return true;
    if (this.#other >= 0) this.#endOther(end + 1);
    else this.#endElement(end + 1);
    this.#element = brace;
    this.#open.push(OPEN_BRACE);
    this.#at = quote;
    return true;
  }

  #lastElements(end: number): string {
    this.#endOther(end - 1);
    this.#at = end;
    const events = this.#elements();
    this.#leaveArray();
    return events;
  }

  /** @returns the text of the elements that are complete; {@link spans} are where they stand in it. */
  #elements(): string {
    if (this.#spans.length === 0) return '';
    const from = this.#spans[0];
    const to = this.#spans[this.#spans.length - 1];
    this.#eventsOffset = this.#offsetOf(from);
    if (from > 0) this.#spans = this.#spans.map((index) => index - from);
    return this.#text.slice(from, to);
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
