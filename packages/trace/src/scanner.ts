const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const SPACE = 0x20;

/**
 * Finds the elements of `traceEvents` in JSON text that comes in pieces. It tracks strings and depth only: elements go
 * to `JSON.parse`, many at a time, and what is beside the array is kept as text, with the array left empty.
 */
export class TraceScanner {
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
  #beside = '';
  #bare = false;
  #found = false;
  #finished = false;

  /** Whether the array of events has begun. */
  get found(): boolean {
    return this.#found;
  }

  /** Whether the top-level value is complete. */
  get finished(): boolean {
    return this.#finished;
  }

  /** JSON text of the top-level object with `traceEvents` empty, `{}` for a bare array; complete once {@link finished}. */
  get metadataText(): string {
    return this.#bare ? '{}' : this.#beside;
  }

  /**
   * Takes the next piece.
   *
   * @returns JSON text of the events that it completes, separated by commas; may be empty.
   * @throws SyntaxError when an element of the array is not an object.
   */
  feed(piece: string): string {
    this.#text += piece;
    if (!this.#inArray) this.#scanBeside();
    if (!this.#inArray) return '';
    const events = this.#scanArray();
    // Leaving the array changes the state that was tested above.
    if (!(this.#inArray as boolean)) this.#scanBeside();
    return events;
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
    while (this.#at < text.length) {
      if (this.#inString) {
        if (!this.#skipString()) return;
        if (this.#depth === 1) this.#lastString = text.slice(this.#stringStart, this.#at - 1);
        continue;
      }
      const code = text.charCodeAt(this.#at++);
      if (code === QUOTE) {
        this.#inString = true;
        this.#stringStart = this.#at;
      } else if (code === OPEN_BRACE) this.#depth++;
      else if (code === OPEN_BRACKET) {
        if (this.#opensEvents()) {
          this.#bare = this.#depth === 0;
          this.#beside += text.slice(0, this.#at);
          this.#take(this.#at);
          this.#depth = 0;
          this.#inArray = this.#found = true;
          return;
        }
        this.#depth++;
      } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
        if (--this.#depth === 0) this.#finish();
      } else if (this.#depth === 1) {
        if (code === COLON) this.#key = this.#lastString;
        else if (code === COMMA) this.#key = '';
      }
    }
  }

  #opensEvents(): boolean {
    return !this.#found && (this.#depth === 0 || (this.#depth === 1 && this.#key === 'traceEvents'));
  }

  #finish(): void {
    this.#beside += this.#text;
    this.#take(this.#text.length);
    this.#finished = true;
  }

  /** Gives up the text before an index. */
  #take(index: number): void {
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
        if (this.#depth++ === 0) element = this.#at - 1;
        if (begin < 0) begin = element;
      } else if ((code === CLOSE_BRACE || code === CLOSE_BRACKET) && this.#depth > 0) {
        if (--this.#depth === 0) end = this.#at;
      } else if (this.#depth === 0 && code === CLOSE_BRACKET) {
        const events = text.slice(Math.max(0, begin), end);
        this.#leaveArray();
        return events;
      } else if (this.#depth === 0 && code !== COMMA && code > SPACE) {
        throw new SyntaxError('an element of traceEvents is not an object');
      }
    }
    const events = text.slice(Math.max(0, begin), end);
    const at = this.#at;
    const from = this.#depth > 0 ? element : at;
    this.#take(from);
    this.#at = at - from;
    return events;
  }

  #leaveArray(): void {
    this.#inArray = false;
    this.#beside += ']';
    this.#take(this.#at);
    this.#depth = 1;
    if (this.#bare) {
      this.#take(this.#text.length);
      this.#finished = true;
      this.#depth = 0;
    }
  }
}
