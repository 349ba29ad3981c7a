import { InvariantError, deferred } from '@epemu/core';
import type { Arena } from './buffers.js';
import { copyMessage } from './messages.js';
import type { TokenMessage } from './messages.js';

/** Collects messages by sender, in the order sent, until the last of each is there. */
export class HomeInbox {
  readonly #heads: (TokenMessage | undefined)[];
  readonly #tails: (TokenMessage | undefined)[];
  readonly #arena: Arena;
  #open: number;
  readonly #complete = deferred<undefined>();

  /**
   * @param arena where messages are kept; others may keep theirs there too.
   * @param senders how many there are. Each sends at least one message, its last one marked.
   */
  constructor(arena: Arena, senders: number) {
    this.#arena = arena;
    this.#heads = new Array<TokenMessage | undefined>(senders).fill(undefined);
    this.#tails = new Array<TokenMessage | undefined>(senders).fill(undefined);
    this.#open = senders;
  }

  /** Resolves when everything is there. */
  get complete(): Promise<undefined> {
    return this.#complete.promise;
  }

  /** How many senders there are. */
  get senders(): number {
    return this.#heads.length;
  }

  /** @returns the first message of a sender; the others follow by `next`. */
  head(sender: number): TokenMessage | undefined {
    return this.#heads[sender];
  }

  /** @returns how many rows a sender's messages hold so far. */
  rows(sender: number): number {
    const tail = this.#tails[sender];
    return tail === undefined ? 0 : tail.first + tail.rows;
  }

  /** Copies a message in. @throws InvariantError as {@link deliver}, or when it is malformed. */
  keep(bytes: Uint8Array): TokenMessage {
    return copyMessage(this.#arena, bytes);
  }

  /**
   * Puts a message, {@link keep kept} before, behind those of the same sender.
   * @throws InvariantError when its rows are not the next ones, or not as wide as those before.
   */
  deliver(sender: number, message: TokenMessage): void {
    if (sender < 0 || sender >= this.#heads.length) {
      throw new InvariantError(`rows of rank ${message.home} came from sender ${sender} of ${this.#heads.length}`);
    }
    const before = this.#tails[sender];
    const expected = this.rows(sender);
    if (before?.last === true || message.first !== expected) {
      throw new InvariantError(`rows ${message.first} of rank ${message.home} came where row ${expected} was due`);
    }
    if (before === undefined) this.#heads[sender] = message;
    else before.next = message;
    this.#tails[sender] = message;
    if (message.last && --this.#open === 0) this.#complete.resolve(undefined);
  }

  /** Lets go of all messages, and gives their memory back. */
  clear(): void {
    this.#heads.fill(undefined);
    this.#tails.fill(undefined);
    this.#arena.release();
  }

  /** Rejects who waits. */
  fail(error: Error): void {
    this.#complete.reject(error);
  }
}

/** @throws InvariantError unless a sender's messages hold as many rows as are due, each of `lanes` values. */
export function assertRows(inbox: HomeInbox, sender: number, due: number, lanes: number): void {
  const rows = inbox.rows(sender);
  if (rows !== due) throw new InvariantError(`${rows} rows came back where ${due} were due`);
  assertLanes(inbox.head(sender), lanes);
}

/** @throws InvariantError unless all rows of a chain of messages have `lanes` values. */
export function assertLanes(head: TokenMessage | undefined, lanes: number): void {
  for (let message = head; message !== undefined; message = message.next) {
    if (message.lanes !== lanes) {
      throw new InvariantError(`rows of ${message.lanes} values came where ${lanes} values were due`);
    }
  }
}
