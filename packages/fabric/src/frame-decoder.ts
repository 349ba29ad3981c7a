import { checkMessagePack, messageOf } from '@epemu/core';
import { Unpackr } from 'msgpackr';
import { FrameDecodeError } from './errors.js';
import {
  aligned,
  CREDIT_FIELDS,
  ENTRY,
  type FrameContent,
  frameContent,
  HEADER_FIELDS,
  PAYLOAD_FIELDS,
  PREFIX_BYTES,
} from './frame-layout.js';
import { ADDRESS_LIMIT, isIndex, MAX_HEADER_INTEGERS, type Address, type Message } from './messages.js';

const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, moreTypes: false, structuredClone: false });

/** Longest hello, and how deep it may be nested: nothing is known yet of who sends it. */
const MOST_HELLO_BYTES = 4096;
const HELLO_DEPTH = 2;

/** @returns the decoded MessagePack part, unchecked, and where the raw part starts. */
function openFrame(frame: Uint8Array, content: FrameContent): { value: unknown; rawStart: number } {
  const found = frameContent(frame);
  if (found !== content) throw new FrameDecodeError(`a frame holds ${found} where ${content} was expected`);
  if (frame[2] !== 0 || frame[3] !== 0) throw new FrameDecodeError('the reserved bytes of a frame are not zero');
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const packedEnd = PREFIX_BYTES + view.getUint32(4, true);
  const rawStart = aligned(packedEnd);
  if (rawStart > frame.length) {
    throw new FrameDecodeError(`a frame of ${frame.length} bytes ends within its message list (${rawStart} bytes)`);
  }
  assertZeros(frame, packedEnd, rawStart);
  // Anything but an array (or for a hello, a map) need not be decoded to be refused.
  const first = frame[PREFIX_BYTES];
  const expected =
    content === 'messages'
      ? (first & 0xf0) === 0x90 || first === 0xdc || first === 0xdd
      : (first & 0xf0) === 0x80 || first === 0xde;
  if (packedEnd === PREFIX_BYTES || !expected)
    throw new FrameDecodeError(`the ${content} of a frame are of a wrong type`);
  const packed = frame.subarray(PREFIX_BYTES, packedEnd);
  if (content === 'messages') assertRoom(packed);
  try {
    if (content === 'hello') checkMessagePack(packed, HELLO_DEPTH);
    return { value: unpackr.unpack(packed) as unknown, rawStart };
  } catch (error) {
    throw new FrameDecodeError(`a frame is not MessagePack: ${messageOf(error)}`, undefined, { cause: error });
  }
}

/** A decoder reserves room for as many elements as an array says it has; each is a byte at least. */
function assertRoom(packed: Uint8Array): void {
  const { buffer, byteOffset, byteLength } = packed;
  const view = new DataView(buffer, byteOffset, byteLength);
  const short = packed[0] === 0xdc && byteLength >= 3;
  const long = packed[0] === 0xdd && byteLength >= 5;
  const count = short ? view.getUint16(1) : long ? view.getUint32(1) : packed[0] & 0x0f;
  if (count < byteLength) return;
  throw new FrameDecodeError(`a frame announces ${count} integers in the ${byteLength} bytes of its message list`);
}

function assertZeros(frame: Uint8Array, start: number, end: number): void {
  for (let i = start; i < end; i++) {
    if (frame[i] !== 0) throw new FrameDecodeError('the padding of a frame is not zero');
  }
}

/**
 * @returns the map of a hello frame, of unchecked shape.
 * @throws FrameDecodeError
 */
export function decodeHelloFrame(frame: Uint8Array): object {
  if (frame.length > MOST_HELLO_BYTES) {
    throw new FrameDecodeError(`a hello of ${frame.length} bytes is longer than the ${MOST_HELLO_BYTES} it may have`);
  }
  const { value, rawStart } = openFrame(frame, 'hello');
  if (typeof value !== 'object' || value === null || Array.isArray(value) || rawStart !== frame.length) {
    throw new FrameDecodeError('a hello frame does not hold one map');
  }
  return value;
}

/**
 * Decodes a frame of messages and checks its shape strictly: entries, ranges of integers, raw lengths. Which ranks
 * may send what to whom is the connection's affair.
 *
 * @returns the messages in their order. Payload bytes are views: on the frame, or on a copy where the frame lies such
 *   that they would not start at a multiple of 8 of their ArrayBuffer.
 * @throws FrameDecodeError
 */
export function decodeFrame(frame: Uint8Array): Message[] {
  const { value, rawStart } = openFrame(frame, 'messages');
  const list = integersOf(value);
  const raw = alignedRaw(frame, rawStart);
  const messages: Message[] = [];
  let rawOffset = 0;
  let at = 0;
  while (at < list.length) {
    const kind = list[at];
    if (kind === ENTRY.header) {
      const count = list[at + HEADER_FIELDS - 1] ?? -1;
      const start = at + HEADER_FIELDS;
      if (!isIndex(count, MAX_HEADER_INTEGERS + 1) || start + count > list.length) throw shortEntry('header', at);
      messages.push({ kind: 'header', ...addressAt(list, at), integers: list.slice(start, start + count) });
      at = start + count;
    } else if (kind === ENTRY.payload) {
      if (at + PAYLOAD_FIELDS > list.length) throw shortEntry('payload', at);
      const length = list[at + 7];
      const next = rawOffset + aligned(length);
      if (length < 0 || next > raw.length) {
        throw new FrameDecodeError(
          `a payload of ${length} bytes does not fit the ${raw.length} raw bytes of its frame`,
        );
      }
      const sequence = list[at + 6];
      if (sequence < 0) throw outOfRange('sequence', sequence);
      assertZeros(raw, rawOffset + length, next);
      const bytes = new Uint8Array(raw.buffer, raw.byteOffset + rawOffset, length);
      messages.push({ kind: 'payload', ...addressAt(list, at), sequence, bytes });
      rawOffset = next;
      at += PAYLOAD_FIELDS;
    } else if (kind === ENTRY.credit) {
      if (at + CREDIT_FIELDS > list.length) throw shortEntry('credit', at);
      messages.push(creditAt(list, at));
      at += CREDIT_FIELDS;
    } else {
      throw new FrameDecodeError(`a frame holds an entry of unknown kind ${kind}`);
    }
  }
  if (rawOffset !== raw.length) {
    throw new FrameDecodeError(`a frame has ${raw.length} raw bytes, its payloads account for ${rawOffset}`);
  }
  return messages;
}

function integersOf(value: unknown): readonly number[] {
  if (!Array.isArray(value)) throw new FrameDecodeError('the messages of a frame are not an array');
  for (const item of value as unknown[]) {
    if (!Number.isSafeInteger(item))
      throw new FrameDecodeError(`a frame holds a ${typeof item} that is no safe integer`);
  }
  return value as number[];
}

function alignedRaw(frame: Uint8Array, rawStart: number): Uint8Array {
  const raw = frame.subarray(rawStart);
  if (raw.byteOffset % 8 === 0) return raw;
  // A small frame is a slice somewhere in a socket's chunk. Pooled buffers start at a multiple of 8.
  const copy = Buffer.allocUnsafe(raw.length);
  copy.set(raw);
  return copy;
}

function addressAt(list: readonly number[], at: number): Address {
  const from = list[at + 1];
  const to = list[at + 2];
  const movement = list[at + 3];
  const hop = list[at + 4];
  const stream = list[at + 5];
  if (!isIndex(from, ADDRESS_LIMIT.rank)) throw outOfRange('from', from);
  if (!isIndex(to, ADDRESS_LIMIT.rank)) throw outOfRange('to', to);
  if (!isIndex(movement, ADDRESS_LIMIT.movement)) throw outOfRange('movement', movement);
  if (!isIndex(hop, ADDRESS_LIMIT.hop)) throw outOfRange('hop', hop);
  if (!isIndex(stream, ADDRESS_LIMIT.stream)) throw outOfRange('stream', stream);
  return { from, to, movement, hop, stream };
}

function creditAt(list: readonly number[], at: number): Message {
  const from = list[at + 1];
  const to = list[at + 2];
  const stream = list[at + 3];
  const hop = list[at + 4];
  const count = list[at + 5];
  if (!isIndex(from, ADDRESS_LIMIT.rank)) throw outOfRange('from', from);
  if (!isIndex(to, ADDRESS_LIMIT.rank)) throw outOfRange('to', to);
  if (!isIndex(stream, ADDRESS_LIMIT.stream)) throw outOfRange('stream', stream);
  if (!isIndex(hop, ADDRESS_LIMIT.hop)) throw outOfRange('hop', hop);
  if (count < 1) throw outOfRange('count', count);
  return { kind: 'credit', from, to, stream, hop, count };
}

function outOfRange(field: string, value: number): FrameDecodeError {
  return new FrameDecodeError(`a frame holds a message whose ${field} ${value} is out of range`);
}

function shortEntry(kind: string, at: number): FrameDecodeError {
  return new FrameDecodeError(`the ${kind} at ${at} of a frame's message list is not complete`);
}
