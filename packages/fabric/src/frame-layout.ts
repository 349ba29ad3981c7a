/**
 * A frame, the unit of the wire: all that one worker has for another in one go.
 *
 *   byte 0      protocol version
 *   byte 1      what the frame holds: messages or a hello
 *   bytes 2-3   zero
 *   bytes 4-7   length of the MessagePack part, little-endian
 *   from 8      MessagePack; for messages one flat array of integers, entry after entry:
 *                 1 header   from to movement hop stream count integer…
 *                 2 payload  from to movement hop stream sequence byteLength
 *                 3 credit   from to stream hop count
 *   behind it   the bytes of the payloads in their order, each starting at a multiple of 8, zeros between
 */
import { FrameDecodeError } from './errors.js';
import type { OutgoingHeader, OutgoingPayload } from './messages.js';

/** Version of frames and hello; two workers must have the same. */
export const PROTOCOL_VERSION = 1;

/** What a frame can hold. */
export type FrameContent = 'messages' | 'hello';

/** Byte 1 of a frame. */
export const CONTENT_BYTE: Record<FrameContent, number> = { messages: 0, hello: 1 };
/** The first number of an entry. */
export const ENTRY = { header: 1, payload: 2, credit: 3 } as const;
/** Numbers of a header entry before its integers. */
export const HEADER_FIELDS = 7;
/** Numbers of a payload entry. */
export const PAYLOAD_FIELDS = 8;
/** Numbers of a credit entry. */
export const CREDIT_FIELDS = 6;
/** Bytes before the MessagePack part. */
export const PREFIX_BYTES = 8;
/** The longest a number or an array's length can be in MessagePack. */
export const NUMBER_BYTES = 9;

/** @returns a length rounded up to a multiple of 8. */
export function aligned(length: number): number {
  return Math.ceil(length / 8) * 8;
}

/** @returns the most bytes that a header can add to a frame. */
export function headerCost(header: OutgoingHeader): number {
  return NUMBER_BYTES * (HEADER_FIELDS + header.integers.length);
}

/** @returns the most bytes that a payload can add to a frame. */
export function payloadCost(payload: OutgoingPayload): number {
  return NUMBER_BYTES * PAYLOAD_FIELDS + aligned(payload.bytes.byteLength);
}

/** The most bytes that a credit return can add to a frame. */
export const CREDIT_COST = NUMBER_BYTES * CREDIT_FIELDS;
/** The most bytes of a frame beside its messages. */
export const FRAME_OVERHEAD = PREFIX_BYTES + NUMBER_BYTES + 7;

/**
 * @returns what a frame holds.
 * @throws FrameDecodeError when its version or kind is unknown.
 */
export function frameContent(frame: Uint8Array): FrameContent {
  if (frame.length < PREFIX_BYTES) throw new FrameDecodeError(`a frame of ${frame.length} bytes is too short`);
  if (frame[0] !== PROTOCOL_VERSION) {
    throw new FrameDecodeError(`a frame has protocol version ${frame[0]}, expected ${PROTOCOL_VERSION}`);
  }
  if (frame[1] === CONTENT_BYTE.messages) return 'messages';
  if (frame[1] === CONTENT_BYTE.hello) return 'hello';
  throw new FrameDecodeError(`a frame has the unknown content kind ${frame[1]}`);
}
