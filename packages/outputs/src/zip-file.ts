import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { crc32, deflateRawSync, gunzipSync, inflateRawSync } from 'node:zlib';
import { completeFile, EpemuError, partialName } from '@epemu/core';

/**
 * A plain zip: deflate, no zip64, no encryption. What gzip packed goes in as it is, which no zip library does: an
 * archive of a run is written in the time of reading its files. All of it follows PKWARE's APPNOTE 6.3.
 */
const LOCAL_SIGNATURE = 0x04034b50;
const CENTRAL_SIGNATURE = 0x02014b50;
const END_SIGNATURE = 0x06054b50;
/** Version 2.0 of the format has deflate. */
const VERSION = 20;
const DEFLATE = 8;
/** 1 January 1980, the earliest there is: archives of the same files are the same bytes. */
const DATE = 0x21;
/** What fields of 32 and of 16 bits hold at most. */
const MOST_BYTES = 0xffffffff;
const MOST_MEMBERS = 0xffff;

const GZIP_HEADER_BYTES = 10;
const GZIP_TRAILER_BYTES = 8;

/** Thrown where a zip would pass what the format has fields for. */
export class ZipLimitError extends EpemuError {}

/** What a zip holds under one name: packed by deflate, with the checksum and length of what was packed. */
export interface ZipMember {
  readonly packed: Buffer;
  readonly checksum: number;
  readonly bytes: number;
}

/** @returns content as a member. */
export function memberOf(content: Buffer): ZipMember {
  return { packed: deflateRawSync(content), checksum: crc32(content), bytes: content.length };
}

/**
 * @param gzip a gzip file.
 * @param mostBytes it may unpack to.
 * @returns its content as a member: its own packed bytes where they stand as our sink writes them.
 * @throws what zlib says of a file that is damaged, or unpacks to more.
 */
export function memberOfGzip(gzip: Buffer, mostBytes: number): ZipMember {
  const options = { maxOutputLength: Math.max(1, Math.min(mostBytes, MOST_BYTES)) };
  // Method 8, no flags: nothing is between the header and what deflate wrote.
  const isPlain = gzip.length > GZIP_HEADER_BYTES + GZIP_TRAILER_BYTES && gzip.readUInt32BE(0) === 0x1f8b0800;
  if (isPlain) {
    const end = gzip.length - GZIP_TRAILER_BYTES;
    const packed = gzip.subarray(GZIP_HEADER_BYTES, end);
    const content = inflateRawSync(packed, options);
    const [checksum, bytes] = [gzip.readUInt32LE(end), gzip.readUInt32LE(end + 4)];
    // Unlike where several files were put one behind the other.
    if (crc32(content) === checksum && content.length === bytes) return { packed, checksum, bytes };
  }
  return memberOf(gunzipSync(gzip, options));
}

/** Writes a zip file, which gets its name when it is whole. */
export class ZipFile {
  readonly #path: string;
  readonly #descriptor: number;
  readonly #central: Buffer[] = [];
  #bytes = 0;

  constructor(path: string) {
    this.#path = path;
    this.#descriptor = openSync(partialName(path), 'w');
  }

  /** @param name in ASCII. @throws ZipLimitError */
  add(name: string, { packed, checksum, bytes }: ZipMember): void {
    const fields = Buffer.alloc(26);
    [VERSION, 0, DEFLATE, 0, DATE].forEach((value, index) => fields.writeUInt16LE(value, 2 * index));
    [checksum, packed.length, bytes].forEach((value, index) => fields.writeUInt32LE(value, 10 + 4 * index));
    fields.writeUInt16LE(name.length, 22);
    const signature = Buffer.alloc(4);
    signature.writeUInt32LE(LOCAL_SIGNATURE);
    const central = Buffer.alloc(6);
    central.writeUInt32LE(CENTRAL_SIGNATURE);
    central.writeUInt16LE(VERSION, 4);
    // Behind the fields: no comment, disk 0, no attributes, and where the member begins.
    const behind = Buffer.alloc(14);
    behind.writeUInt32LE(this.#bytes, 10);
    this.#central.push(Buffer.concat([central, fields, behind, Buffer.from(name, 'latin1')]));
    if (this.#central.length > MOST_MEMBERS) throw new ZipLimitError(this.#tooMuch('files', MOST_MEMBERS));
    this.#write(signature, fields, Buffer.from(name, 'latin1'), packed);
  }

  /** Completes the file. @returns its bytes. */
  close(): number {
    const begin = this.#bytes;
    this.#write(...this.#central);
    const end = Buffer.alloc(22);
    end.writeUInt32LE(END_SIGNATURE);
    end.writeUInt16LE(this.#central.length, 8);
    end.writeUInt16LE(this.#central.length, 10);
    end.writeUInt32LE(this.#bytes - begin, 12);
    end.writeUInt32LE(begin, 16);
    this.#write(end);
    closeSync(this.#descriptor);
    completeFile(this.#path);
    return this.#bytes;
  }

  /** Gives the file up: nothing is left of it. */
  discard(): void {
    closeSync(this.#descriptor);
    rmSync(partialName(this.#path), { force: true });
  }

  #write(...pieces: readonly Buffer[]): void {
    for (const piece of pieces) {
      if (this.#bytes + piece.length > MOST_BYTES) throw new ZipLimitError(this.#tooMuch('bytes', MOST_BYTES));
      for (let written = 0; written < piece.length;) written += writeSync(this.#descriptor, piece, written);
      this.#bytes += piece.length;
    }
  }

  #tooMuch(what: string, most: number): string {
    return `${this.#path} would pass ${most} ${what}, more than a zip can say; put fewer ranks into it (--ranks 0-63)`;
  }
}
