import { Packr } from 'msgpackr';
import type { WebSocket } from 'ws';
import type * as z from 'zod';
import { EpemuError, checkMessagePack, messageOf } from '@epemu/core';
import { BLOB_KIND } from './messages.js';
import type { BlobKind } from './messages.js';

/** Largest control frame: a rank's timeline of a whole-model run takes some 10 MB. */
export const MAX_CONTROL_BYTES = 256 * 1024 * 1024;

/** Longest message of somebody who has said hello, far longer than a whole report of progress. */
const MOST_MESSAGE_BYTES = 8 * 1024 * 1024;
/** Longest message before that: a hello with all its texts. */
const MOST_HELLO_BYTES = 4096;
/** How deep messages may be nested: a configuration in full is the deepest. */
const MOST_DEPTH = 32;
/** How long whoever broke the protocol, or was refused, may take to close. */
const REFUSED_MS = 1000;

const FRAME = { message: 0, blob: 1 } as const;
const BLOB_HEADER_BYTES = 8;
/** What a close frame has room for. */
const MOST_REASON_BYTES = 123;
const packr = new Packr({ useRecords: false, mapsAsObjects: true, moreTypes: false });

/** Thrown when the other end of a control connection sends what the protocol does not allow. */
export class ControlProtocolError extends EpemuError {}

/** What arrives on a channel. */
export interface ChannelEvents<Incoming> {
  onMessage(message: Incoming): void;
  onBlob(kind: BlobKind, index: number, bytes: Uint8Array): void;
  /** The connection is gone; `error` where it was the other side's fault. */
  onClose(code: number, reason: string, error?: Error): void;
}

/** A control connection: MessagePack messages checked by a schema, and bulk data beside them. */
export class ControlChannel<Incoming, Outgoing> {
  readonly #socket: WebSocket;
  #known: boolean;
  #refused = false;

  /** @param known whether it is known who the other side is; until it is, it may say little: see {@link trust}. */
  constructor(socket: WebSocket, schema: z.ZodType<Incoming>, events: ChannelEvents<Incoming>, known: boolean) {
    this.#socket = socket;
    this.#known = known;
    let failure: Error | undefined;
    socket.on('message', (data) => {
      // Whoever broke the protocol was told why; nothing more of it is heard.
      if (this.#refused) return;
      try {
        this.#receive(data as Buffer, schema, events);
      } catch (error) {
        failure = error instanceof Error ? error : new Error(String(error));
        this.refuse(messageOf(error));
      }
    });
    socket.on('error', (error) => {
      failure ??= error;
    });
    socket.on('close', (code, reason) => {
      events.onClose(code, reason.toString(), failure);
    });
  }

  /** Sends a message; `sent` is called when it has left this process. */
  send(message: Outgoing, sent?: () => void): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    const packed = packr.pack(message);
    const frame = Buffer.allocUnsafe(packed.length + 1);
    frame[0] = FRAME.message;
    packed.copy(frame, 1);
    this.#socket.send(frame, () => sent?.());
  }

  /** Sends bulk data under an index (a rank or a worker). */
  sendBlob(kind: BlobKind, index: number, bytes: Uint8Array): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    const frame = Buffer.allocUnsafe(bytes.byteLength + BLOB_HEADER_BYTES);
    frame[0] = FRAME.blob;
    frame[1] = kind;
    frame.writeUInt32LE(index, 4);
    frame.set(bytes, BLOB_HEADER_BYTES);
    this.#socket.send(frame);
  }

  /** The other side is who it should be: it may send messages of any kind, and bulk data. */
  trust(): void {
    this.#known = true;
  }

  /** Tells the other side why the connection ends, which it does within a moment. Nothing more of it is heard. */
  refuse(reason: string): void {
    this.#refused = true;
    this.#socket.close(1008, closeReason(reason));
    const timer = setTimeout(() => {
      this.#socket.terminate();
    }, REFUSED_MS);
    this.#socket.once('close', () => {
      clearTimeout(timer);
    });
  }

  close(): void {
    this.#socket.close(1000);
  }

  /** Ends the connection without the closing handshake. */
  terminate(): void {
    this.#socket.terminate();
  }

  #receive(frame: Buffer, schema: z.ZodType<Incoming>, events: ChannelEvents<Incoming>): void {
    if (this.#known && frame[0] === FRAME.blob && frame.length >= BLOB_HEADER_BYTES) {
      const kind = Object.values(BLOB_KIND).find((value) => value === frame[1]);
      if (kind === undefined) throw new ControlProtocolError(`blob of unknown kind ${String(frame[1])}`);
      // A view on a socket's buffer must not be kept: the receiver gets a copy.
      events.onBlob(kind, frame.readUInt32LE(4), Uint8Array.from(frame.subarray(BLOB_HEADER_BYTES)));
      return;
    }
    if (frame[0] !== FRAME.message) {
      const early = this.#known || frame[0] !== FRAME.blob ? '' : ', before a hello';
      throw new ControlProtocolError(`control frame of unknown kind ${String(frame[0])}${early}`);
    }
    events.onMessage(decoded(frame.subarray(1), this.#known ? MOST_MESSAGE_BYTES : MOST_HELLO_BYTES, schema));
  }
}

/** @returns what fits into a close frame of a reason that may quote the other side: a character is a byte. */
function closeReason(reason: string): string {
  return reason.replace(/[^ -~]/g, '?').slice(0, MOST_REASON_BYTES);
}

/** @returns a message, checked: first that decoding it costs little, then that it is one. @throws ControlProtocolError */
function decoded<Incoming>(packed: Buffer, mostBytes: number, schema: z.ZodType<Incoming>): Incoming {
  if (packed.length > mostBytes) {
    throw new ControlProtocolError(`control message of ${packed.length} bytes is longer than the ${mostBytes} allowed`);
  }
  let value: unknown;
  try {
    checkMessagePack(packed, MOST_DEPTH);
    value = packr.unpack(packed);
  } catch (error) {
    throw new ControlProtocolError(`control frame is not MessagePack: ${messageOf(error)}`);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new ControlProtocolError(
    `control message is not allowed: ${issue.path.map(String).join('.')} ${issue.message}`,
  );
}
