import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream, rmSync } from 'node:fs';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import type { Gzip } from 'node:zlib';
import { parseConfiguration } from '@epemu/config';
import type { Configuration } from '@epemu/config';
import {
  BadInputError,
  FILE_LIMITS,
  ReadMeter,
  completeFile,
  messageOf,
  openRegularFile,
  partialName,
} from '@epemu/core';
import type { Program } from '@epemu/schedule';
import { decodeRecord } from '@epemu/timeline';
import { checkRecorded } from './recorded-run.js';
import type { RecordedRun } from './recorded-run.js';

/**
 * Version 1 had one list of operations for all ranks, version 2 no copies of transfer kernels and no seal, version 3 one
 * duration a kernel.
 */
const MAGIC = 'EPEMU-OPERATIONS/4\n';
/** At the end: SHA-256 of all before. Gzip's own checksum is another when a file that was changed is packed again. */
const SEAL_BYTES = 32;

function frame(bytes: Uint8Array): Uint8Array[] {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.byteLength));
  return [length, bytes];
}

/** Packs parts; whatever fails, the stream's pipeline tells of. A part may change once the next one is asked for. */
async function pack(parts: Iterable<Uint8Array>, gzip: Gzip): Promise<void> {
  try {
    for (const part of parts) {
      if (gzip.destroyed) return;
      await new Promise<void>((taken) => {
        gzip.write(part, () => {
          taken();
        });
      });
    }
    gzip.end();
  } catch (error) {
    gzip.destroy(error instanceof Error ? error : new Error(messageOf(error)));
  }
}

/**
 * Writes `operations.bin.gz`, which is there when it is whole: a magic line, then parts with their lengths (uint64) before them: the configuration, the
 * program (launch list and gates) and the digest as JSON, then each rank's record; at last, a hash of all that.
 * @param records each lasts until the next one is asked for.
 */
export async function writeOperationsFile(
  path: string,
  head: { configuration: Configuration; program: Program; digest: string },
  records: Iterable<Uint8Array>,
): Promise<void> {
  const seal = createHash('sha256');
  const content = function* (): Generator<Uint8Array> {
    yield Buffer.from(MAGIC);
    yield* frame(Buffer.from(JSON.stringify(head)));
    for (const record of records) yield* frame(record);
  };
  const parts = function* (): Generator<Uint8Array> {
    for (const part of content()) {
      seal.update(part);
      yield part;
    }
    yield seal.digest();
  };
  const gzip = createGzip({ level: 1 });
  const file = createWriteStream(partialName(path));
  try {
    await Promise.all([pipeline(gzip, file), pack(parts(), gzip)]);
    completeFile(path);
  } catch (error) {
    // Until then the file may still be made.
    if (!file.closed) await once(file, 'close');
    rmSync(partialName(path), { force: true });
    throw error;
  }
}

/** @throws what the system or zlib says, or that the file passes a limit. */
async function unpacked(path: string): Promise<Buffer> {
  const meter = new ReadMeter(FILE_LIMITS.operations);
  const chunks: Buffer[] = [];
  const source = createReadStream('', { fd: openRegularFile(path).descriptor });
  source.on('data', (piece) => {
    meter.notePacked(piece.length);
  });
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      try {
        meter.noteContent(chunk.length);
        chunks.push(chunk);
        done();
      } catch (error) {
        done(error as Error);
      }
    },
  });
  await pipeline(source, createGunzip(), sink);
  return Buffer.concat(chunks);
}

/** @returns what the seal is of. @throws BadInputError when the file is not what was written. */
function unsealed(path: string, bytes: Buffer): Buffer {
  const content = bytes.subarray(0, Math.max(0, bytes.length - SEAL_BYTES));
  if (createHash('sha256').update(content).digest().equals(bytes.subarray(content.length))) return content;
  const problem = `${path} is damaged (it is not what the run has written: its checksum is another)`;
  throw new BadInputError(path, `${problem}; name the folder of a finished run`);
}

/** @returns what stands behind each length, behind the magic line. @throws BadInputError */
function partsOf(path: string, bytes: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = MAGIC.length; at < bytes.length;) {
    const length = at + 8 <= bytes.length ? Number(bytes.readBigUInt64LE(at)) : Number.POSITIVE_INFINITY;
    if (at + 8 + length > bytes.length) throw new BadInputError(path, `${path} ends in the middle, at byte ${at}`);
    parts.push(bytes.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return parts;
}

/**
 * Reads `operations.bin.gz`.
 * @throws BadInputError naming the file when it is missing, damaged or of another version.
 */
export async function readOperationsFile(path: string): Promise<RecordedRun> {
  let bytes: Buffer;
  try {
    bytes = await unpacked(path);
  } catch (error) {
    throw new BadInputError(path, `${path} cannot be read (${messageOf(error)}); name the folder of a finished run`);
  }
  const magic = bytes.subarray(0, MAGIC.length).toString();
  if (magic !== MAGIC) {
    const version = /^EPEMU-OPERATIONS\/(\d+)\n/.exec(bytes.subarray(0, MAGIC.length + 8).toString())?.[1];
    const what = version === undefined ? 'no record of operations' : `a record of operations of version ${version}`;
    throw new BadInputError(path, `${path} is ${what}; this epemu reads version 4, so run its configuration again`);
  }
  const parts = partsOf(path, unsealed(path, bytes));
  const [head, ...records] = parts;
  if (head === undefined) throw new BadInputError(path, `${path} holds no run`);
  try {
    const { configuration, program, digest } = JSON.parse(head.toString()) as Omit<RecordedRun, 'records'>;
    if (typeof digest !== 'string') throw new Error('it has no digest');
    const run = {
      configuration: parseConfiguration(configuration),
      program,
      digest,
      records: records.map((record) => decodeRecord(record)),
    };
    checkRecorded(run);
    return run;
  } catch (error) {
    throw new BadInputError(path, `${path} is damaged (${messageOf(error)}); name the folder of a finished run`);
  }
}
