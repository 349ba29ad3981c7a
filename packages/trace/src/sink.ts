import { createWriteStream, rmSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

import { completeFile, deferred, EpemuError, messageOf, partialName, type Deferred } from '@epemu/core';

/** Characters gathered before they go to the compressor: fewer, larger writes; still small beside a timeline. */
const CHUNK_CHARACTERS = 1 << 18;

/** What a trace is written to: a file stream, or in tests anything that counts its bytes. */
type TraceOutput = Writable & { readonly bytesWritten: number };

/**
 * Text on its way to a gzip file (level 1: half the time of level 6 for a fifth more bytes). Memory stays flat because
 * {@link flush} waits until the compressor has drained; writers call it whenever {@link full} says so.
 */
export class TraceSink {
  /** UTF-8 bytes handed to the compressor so far. */
  bytesUnpacked = 0;
  #pending = '';
  readonly #path: string;
  readonly #output: TraceOutput;
  readonly #input: Writable;
  readonly #finished: Promise<void>;
  #failure: Error | undefined;
  /** What flush waits for: that all of the buffer has been taken, which is then free for what comes next. */
  #taken: Deferred<void> | undefined;
  #buffer = Buffer.alloc(0);
  /** Whether the output is a file that gets its name when it is whole. */
  #named = false;

  constructor(output: TraceOutput, options: { gzip: boolean; path: string }) {
    this.#path = options.path;
    this.#output = output;
    if (options.gzip) {
      const gzip = createGzip({ level: 1, chunkSize: 1 << 17 });
      this.#input = gzip;
      this.#finished = pipeline(gzip, output);
    } else {
      this.#input = output;
      const finished = deferred<undefined>();
      output.once('finish', () => {
        finished.resolve(undefined);
      });
      output.once('error', (error: Error) => {
        finished.reject(error);
      });
      this.#finished = finished.promise;
    }
    this.#finished.catch((error: unknown) => {
      this.#failure = new EpemuError(
        `cannot write the trace ${this.#path}: ${messageOf(error)}; check that its directory exists, or free space`,
      );
      this.#taken?.reject(this.#failure);
    });
  }

  /**
   * Opens a file for writing; packed when its name ends in `.gz`, which it gets at {@link close}: until then it is
   * partial, and called so. Failures surface at the next flush or close.
   */
  static open(path: string): TraceSink {
    const sink = new TraceSink(createWriteStream(partialName(path)), { gzip: path.endsWith('.gz'), path });
    sink.#named = true;
    return sink;
  }

  /** Opens a file, has it written and closes it; nothing is left of it when that fails. @returns what writing returns. */
  static async write<T>(path: string, write: (sink: TraceSink) => Promise<T>): Promise<T> {
    const sink = TraceSink.open(path);
    try {
      return await write(sink);
    } catch (error) {
      await sink.discard();
      throw error;
    }
  }

  /** Appends text; cheap, nothing leaves the process before the next {@link flush}. */
  put(text: string): void {
    this.#pending += text;
  }

  /** Whether it is time to {@link flush}. */
  get full(): boolean {
    return this.#pending.length >= CHUNK_CHARACTERS;
  }

  /** Hands what is pending to the compressor and waits until it has taken it. */
  async flush(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#pending === '') return;
    const bytes = Buffer.byteLength(this.#pending);
    if (this.#buffer.length < bytes) this.#buffer = Buffer.allocUnsafeSlow(Math.max(bytes, CHUNK_CHARACTERS));
    this.#buffer.write(this.#pending);
    this.#pending = '';
    this.bytesUnpacked += bytes;
    const taken = deferred<undefined>();
    this.#taken = taken;
    this.#input.write(this.#buffer.subarray(0, bytes), () => {
      taken.resolve(undefined);
    });
    await taken.promise;
    this.#taken = undefined;
  }

  /** Writes the rest and waits until the file is complete. @returns the bytes that reached it. */
  async close(): Promise<number> {
    await this.flush();
    this.#input.end();
    try {
      await this.#finished;
    } catch (error) {
      throw this.#failure ?? error;
    }
    if (this.#named) completeFile(this.#path);
    return this.#output.bytesWritten;
  }

  /** Gives up what was written; has no effect on a file that is whole. */
  async discard(): Promise<void> {
    if (this.#output.closed) this.#input.destroy();
    else {
      const closed = new Promise((resolve) => this.#output.once('close', resolve));
      this.#input.destroy(new EpemuError(`the trace ${this.#path} was given up`));
      // Until then the file may still be made.
      await closed;
    }
    if (this.#named) rmSync(partialName(this.#path), { force: true });
  }
}
