import { createReadStream } from 'node:fs';
import type { Duplex } from 'node:stream';
import * as zlib from 'node:zlib';

import { FILE_LIMITS, ReadMeter, openRegularFile } from '@epemu/core';
import { isZstd, otherFormat } from './container.js';

const PIECE_BYTES = 1 << 17;
/** Packed bytes unpacked at a time: what comes out of a damaged slice is lost, so they are small. */
const SLICE_BYTES = 1 << 13;
/** Begins every gzip file, and no text. */
const GZIP_MAGIC = 0x1f;
/** So many bytes tell what a file is. */
const START_BYTES = 512;

/** Thrown where a file holds something else than text, packed or not. */
export class OtherFormatError extends Error {}

/** @returns what unpacks a file that begins so; undefined of one that is not packed. @throws OtherFormatError */
function unpackerFor(start: Buffer): Duplex | undefined {
  if (start[0] === GZIP_MAGIC) return zlib.createGunzip({ chunkSize: PIECE_BYTES });
  if (!isZstd(start)) return undefined;
  // Node has it from 22.15 and 23.8 on.
  const create = (zlib as { createZstdDecompress?: (options: zlib.ZlibOptions) => Duplex }).createZstdDecompress;
  if (create !== undefined) return create({ chunkSize: PIECE_BYTES });
  throw new OtherFormatError(
    'it is packed by zstd, which Node reads from 22.15 on; unpack it (zstd -d) and give the trace',
  );
}

/** @throws OtherFormatError where unpacked bytes begin as no text does. */
function checkText(start: Buffer, path: string): void {
  const what = otherFormat(start, path);
  if (what !== undefined) throw new OtherFormatError(`it is ${what}`);
}

/**
 * Unpacks slice by slice. A stream that is piped into drops, when it fails, what it has unpacked and nobody has read
 * yet; here all of that comes before the failure.
 */
class Unpacker {
  readonly #stream: Duplex;
  readonly #unpacked: Buffer[] = [];
  #failure: Error | undefined;
  #ended = false;
  #wake: () => void = () => undefined;

  constructor(stream: Duplex) {
    this.#stream = stream;
    this.#stream.on('data', (piece: Buffer) => {
      this.#unpacked.push(piece);
    });
    this.#stream.on('end', () => {
      this.#ended = true;
      this.#wake();
    });
    this.#stream.on('error', (error) => {
      this.#failure = error;
      this.#wake();
    });
  }

  async *write(packed: Buffer): AsyncGenerator<Buffer, void, undefined> {
    for (let at = 0; at < packed.length; at += SLICE_BYTES) {
      // Ended: what stands behind the packed text, as tar's padding, is none of it.
      if (this.#ended) return;
      yield* this.#step((wake) => this.#stream.write(packed.subarray(at, at + SLICE_BYTES), wake));
    }
  }

  async *end(): AsyncGenerator<Buffer, void, undefined> {
    if (!this.#ended) yield* this.#step(() => this.#stream.end());
  }

  destroy(): void {
    this.#stream.destroy();
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

/** A file's bytes, unpacked if it begins as packed files do. */
async function* pieces(path: string, meter: ReadMeter): AsyncGenerator<Buffer, void, undefined> {
  const { descriptor } = openRegularFile(path);
  const source = createReadStream('', { fd: descriptor, highWaterMark: PIECE_BYTES });
  let unpacker: Unpacker | undefined;
  let isFirst = true;
  try {
    for await (const piece of source as AsyncIterable<Buffer>) {
      const stream = isFirst ? unpackerFor(piece) : undefined;
      if (stream !== undefined) unpacker = new Unpacker(stream);
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

/**
 * A file's bytes, unpacked if it begins as gzip or zstd files do, whatever its name.
 *
 * @throws what the system or zlib says, or that it is no regular file or passes a limit, after everything that could be
 * read before it; OtherFormatError where it holds what is no text.
 */
export async function* unpackedPieces(path: string): AsyncGenerator<Buffer, void, undefined> {
  const meter = new ReadMeter(FILE_LIMITS.trace);
  let start: Buffer | undefined = Buffer.alloc(0);
  for await (const piece of pieces(path, meter)) {
    meter.noteContent(piece.length);
    if (start !== undefined) {
      start = Buffer.concat([start, piece.subarray(0, START_BYTES)]);
      checkText(start, path);
      if (start.length >= START_BYTES) start = undefined;
    }
    yield piece;
  }
}
