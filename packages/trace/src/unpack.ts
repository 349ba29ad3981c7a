import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';

import { FILE_LIMITS, ReadMeter, openRegularFile } from '@epemu/core';

const PIECE_BYTES = 1 << 17;
/** Packed bytes unpacked at a time: what comes out of a damaged slice is lost, so they are small. */
const SLICE_BYTES = 1 << 13;
/** Begins every gzip file, and no text. */
const GZIP_MAGIC = 0x1f;

/**
 * Unpacks slice by slice. A stream that is piped into drops, when it fails, what it has unpacked and nobody has read
 * yet; here all of that comes before the failure.
 */
class Unpacker {
  readonly #gunzip = createGunzip({ chunkSize: PIECE_BYTES });
  readonly #unpacked: Buffer[] = [];
  #failure: Error | undefined;
  #ended = false;
  #wake: () => void = () => undefined;

  constructor() {
    this.#gunzip.on('data', (piece: Buffer) => {
      this.#unpacked.push(piece);
    });
    this.#gunzip.on('end', () => {
      this.#ended = true;
      this.#wake();
    });
    this.#gunzip.on('error', (error) => {
      this.#failure = error;
      this.#wake();
    });
  }

  async *write(packed: Buffer): AsyncGenerator<Buffer, void, undefined> {
    for (let at = 0; at < packed.length; at += SLICE_BYTES) {
      // Ended: what stands behind the packed text, as tar's padding, is none of it.
      if (this.#ended) return;
      yield* this.#step((wake) => this.#gunzip.write(packed.subarray(at, at + SLICE_BYTES), wake));
    }
  }

  async *end(): AsyncGenerator<Buffer, void, undefined> {
    if (!this.#ended) yield* this.#step(() => this.#gunzip.end());
  }

  destroy(): void {
    this.#gunzip.destroy();
  }

  async *#step(start: (wake: () => void) => unknown): AsyncGenerator<Buffer, void, undefined> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      start(resolve);
    });
    yield* this.#unpacked.splice(0);
    if (this.#failure !== undefined) throw this.#failure;
  }
}

/**
 * A file's bytes, unpacked if it begins as gzip files do, whatever its name.
 *
 * @throws what the system or zlib says, or that it is no regular file or passes a limit, after everything that could be
 * read before it.
 */
export async function* unpackedPieces(path: string): AsyncGenerator<Buffer, void, undefined> {
  const meter = new ReadMeter(FILE_LIMITS.trace);
  for await (const piece of pieces(path, meter)) {
    meter.noteContent(piece.length);
    yield piece;
  }
}

async function* pieces(path: string, meter: ReadMeter): AsyncGenerator<Buffer, void, undefined> {
  const { descriptor } = openRegularFile(path);
  const source = createReadStream('', { fd: descriptor, highWaterMark: PIECE_BYTES });
  let unpacker: Unpacker | undefined;
  let isFirst = true;
  try {
    for await (const piece of source as AsyncIterable<Buffer>) {
      if (isFirst && piece[0] === GZIP_MAGIC) unpacker = new Unpacker();
      isFirst = false;
      meter.notePacked(piece.length);
      if (unpacker === undefined) yield piece;
      else yield* unpacker.write(piece);
    }
    if (unpacker !== undefined) yield* unpacker.end();
  } finally {
    unpacker?.destroy();
    source.destroy();
  }
}
