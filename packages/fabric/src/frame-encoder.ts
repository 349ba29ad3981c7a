import { Packr } from 'msgpackr';
import {
  aligned,
  CONTENT_BYTE,
  ENTRY,
  FRAME_OVERHEAD,
  type FrameContent,
  NUMBER_BYTES,
  PREFIX_BYTES,
  PROTOCOL_VERSION,
} from './frame-layout.js';
import type { CreditReturn, Message, OutgoingHeader, OutgoingPayload } from './messages.js';

const packr = new Packr({ useRecords: false, mapsAsObjects: true, moreTypes: false, structuredClone: false });

/** Collects messages and makes one frame of them. */
export class FrameBuilder {
  #list: number[] = [];
  #raw = Buffer.allocUnsafe(4096);
  #rawLength = 0;
  /** The last payload, by reference. */
  #tail: Uint8Array | undefined;
  #messages = 0;

  /** How many headers and payloads are in it; credits do not count. */
  get messageCount(): number {
    return this.#messages;
  }

  get isEmpty(): boolean {
    return this.#list.length === 0;
  }

  /** An upper bound of the frame's length in bytes. */
  get sizeBound(): number {
    return FRAME_OVERHEAD + NUMBER_BYTES * this.#list.length + this.#rawLength + aligned(this.#tail?.byteLength ?? 0);
  }

  addHeader(from: number, header: OutgoingHeader): void {
    const { integers } = header;
    const list = this.#list;
    list.push(ENTRY.header, from, header.to, header.movement, header.hop, header.stream, integers.length);
    for (const integer of integers) list.push(integer);
    this.#messages++;
  }

  /** Adds a payload and copies its bytes. */
  addPayload(from: number, payload: OutgoingPayload): void {
    const { bytes } = payload;
    this.#describePayload(from, payload);
    const end = this.#rawLength + aligned(bytes.byteLength);
    if (end > this.#raw.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(end, this.#raw.length * 2));
      larger.set(this.#raw.subarray(0, this.#rawLength));
      this.#raw = larger;
    }
    this.#raw.set(bytes, this.#rawLength);
    this.#raw.fill(0, this.#rawLength + bytes.byteLength, end);
    this.#rawLength = end;
  }

  /** Adds the frame's last payload by reference, which saves a copy: {@link build} must follow before anything else. */
  addLastPayload(from: number, payload: OutgoingPayload): void {
    this.#describePayload(from, payload);
    this.#tail = payload.bytes;
  }

  addCredit(credit: CreditReturn): void {
    this.#list.push(ENTRY.credit, credit.from, credit.to, credit.stream, credit.hop, credit.count);
  }

  /** @returns the frame, a buffer of its own; the builder is empty again. */
  build(): Buffer {
    const tail = this.#tail;
    const tailLength = tail?.byteLength ?? 0;
    const frame = newFrame('messages', this.#list, this.#rawLength + aligned(tailLength));
    const tailStart = frame.length - aligned(tailLength);
    frame.set(this.#raw.subarray(0, this.#rawLength), tailStart - this.#rawLength);
    if (tail !== undefined) {
      frame.set(tail, tailStart);
      frame.fill(0, tailStart + tailLength);
    }
    this.#list = [];
    this.#rawLength = 0;
    this.#tail = undefined;
    this.#messages = 0;
    return frame;
  }

  #describePayload(from: number, payload: OutgoingPayload): void {
    const { to, movement, hop, stream, sequence, bytes } = payload;
    this.#list.push(ENTRY.payload, from, to, movement, hop, stream, sequence, bytes.byteLength);
    this.#messages++;
  }
}

/** @returns a frame whose raw part, `rawLength` bytes at its end, is still to be written. */
function newFrame(content: FrameContent, value: unknown, rawLength: number): Buffer {
  const packed = packr.pack(value);
  const rawStart = aligned(PREFIX_BYTES + packed.length);
  const frame = Buffer.allocUnsafe(rawStart + rawLength);
  frame[0] = PROTOCOL_VERSION;
  frame[1] = CONTENT_BYTE[content];
  frame.writeUInt16LE(0, 2);
  frame.writeUInt32LE(packed.length, 4);
  frame.set(packed, PREFIX_BYTES);
  frame.fill(0, PREFIX_BYTES + packed.length, rawStart);
  return frame;
}

/** @returns a frame of the messages in their order. Fields are not checked: a test may make wrong ones. */
export function encodeFrame(messages: readonly Message[]): Buffer {
  const builder = new FrameBuilder();
  for (const message of messages) {
    if (message.kind === 'header') builder.addHeader(message.from, message);
    else if (message.kind === 'payload') builder.addPayload(message.from, message);
    else builder.addCredit(message);
  }
  return builder.build();
}

/** @returns a frame that holds a hello and nothing raw. */
export function encodeHelloFrame(hello: Readonly<Record<string, unknown>>): Buffer {
  return newFrame('hello', hello, 0);
}
