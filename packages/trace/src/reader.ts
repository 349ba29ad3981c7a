import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { createGunzip } from 'node:zlib';

import { BadInputError, messageOf } from '@epemu/core';

import { asTraceEvent, type TraceEvent } from './event.js';
import { TraceScanner } from './scanner.js';

const PIECE_BYTES = 1 << 17;
/** Some editors and .NET begin UTF-8 files with it; JSON does not allow it. */
const BYTE_ORDER_MARK = '\uFEFF';

/** A file's bytes, unpacked if it begins as gzip files do, whatever its name. */
async function openUnpacked(path: string): Promise<{ source: Readable; bytes: Readable }> {
  const file = await open(path);
  const magic = Buffer.alloc(2);
  const { bytesRead } = await file.read(magic, 0, 2, 0);
  await file.close();
  const source = createReadStream(path, { highWaterMark: PIECE_BYTES });
  if (bytesRead < 2 || magic[0] !== 0x1f || magic[1] !== 0x8b) return { source, bytes: source };
  const gunzip = createGunzip({ chunkSize: PIECE_BYTES });
  source.on('error', (error) => gunzip.destroy(error));
  return { source, bytes: source.pipe(gunzip) };
}

function unreadable(path: string, reason: string, cause?: unknown): BadInputError {
  return new BadInputError(path, `${path} cannot be read as a trace: ${reason}`, cause === undefined ? {} : { cause });
}

/** @returns the parser's words on one line: they quote the text, line breaks and all. */
function onOneLine(text: string): string {
  return text.replace(/\s+/g, ' ');
}

function parseEvents(path: string, text: string, before: number): TraceEvent[] {
  let values: unknown[];
  try {
    values = JSON.parse(`[${text}]`) as unknown[];
  } catch (error) {
    throw unreadable(
      path,
      `near event ${before}: ${onOneLine(messageOf(error))}; write it again or repair it there`,
      error,
    );
  }
  return values.map((value, index) => {
    const event = asTraceEvent(value);
    if (event !== undefined) return event;
    throw unreadable(path, `event ${before + index} has no "ph"; every trace event needs one`);
  });
}

/**
 * Reads a trace piece by piece: an object with a `traceEvents` array, or an array of events; plain or gzip.
 *
 * @param onMetadata gets the JSON text of everything beside the events, once, at the end.
 * @throws BadInputError when the file is missing, cut short or no trace.
 */
export async function* readTraceBatches(
  path: string,
  onMetadata?: (text: string) => void,
): AsyncGenerator<TraceEvent[], void, undefined> {
  const scanner = new TraceScanner();
  const decoder = new StringDecoder('utf8');
  let count = 0;
  let isStart = true;
  let streams: { source: Readable; bytes: Readable } | undefined;
  try {
    streams = await openUnpacked(path);
    for await (const piece of streams.bytes) {
      let decoded = decoder.write(piece as Buffer);
      // A piece may end inside the mark, and decode to nothing.
      if (isStart && decoded !== '') {
        if (decoded.startsWith(BYTE_ORDER_MARK)) decoded = decoded.slice(1);
        isStart = false;
      }
      const text = scanner.feed(decoded);
      if (text === '') continue;
      const events = parseEvents(path, text, count);
      count += events.length;
      yield events;
    }
  } catch (error) {
    if (error instanceof BadInputError) throw error;
    throw unreadable(path, `${messageOf(error)}; give a trace file, plain or gzip`, error);
  } finally {
    streams?.bytes.destroy();
    streams?.source.destroy();
  }
  if (!scanner.found) throw unreadable(path, 'it has no "traceEvents" array; give a Chrome or PyTorch-profiler trace');
  if (!scanner.finished) throw unreadable(path, `it ends in the middle, after event ${count}; write it again`);
  onMetadata?.(scanner.metadataText);
}

/** Reads a trace's events one by one, in file order; memory does not grow with the file. */
export async function* readTraceEvents(path: string): AsyncGenerator<TraceEvent, void, undefined> {
  for await (const batch of readTraceBatches(path)) yield* batch;
}

/** Reads a whole trace into memory; for files known to be small. */
export async function readTrace(
  path: string,
): Promise<{ readonly metadata: Readonly<Record<string, unknown>>; readonly events: readonly TraceEvent[] }> {
  const events: TraceEvent[] = [];
  let metadata: Record<string, unknown> = {};
  const batches = readTraceBatches(path, (text) => {
    metadata = JSON.parse(text) as Record<string, unknown>;
  });
  for await (const batch of batches) for (const event of batch) events.push(event);
  delete metadata.traceEvents;
  return { metadata, events };
}
