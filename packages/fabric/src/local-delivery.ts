import { type Deferred, deferred, InvariantError } from '@epemu/core';
import { ReceiveWindows, SendWindows } from './credits.js';
import type { ReceiveWindow, SendWindow } from './credits.js';
import { FabricClosedError } from './errors.js';
import type { Counters, Receiver } from './fabric.js';
import {
  assertSendableHeader,
  assertSendablePayload,
  type Header,
  type OutgoingHeader,
  type OutgoingPayload,
  type Payload,
  windowKey,
} from './messages.js';

/** The credit window of a (from, to, stream, hop), with both its sides. */
interface Window {
  readonly send: SendWindow<WaitingPayload>;
  readonly receive: ReceiveWindow;
}

type Delivery =
  | { readonly receiver: Receiver; readonly header: Header; readonly payload: undefined }
  | { readonly receiver: Receiver; readonly payload: Payload; readonly window: Window };

interface WaitingPayload {
  readonly receiver: Receiver;
  readonly from: number;
  readonly payload: OutgoingPayload;
  readonly sent: Deferred<undefined>;
}

/** Payloads are copied into blocks of this size: memory of its own for each would cost more than its bytes. */
const BLOCK_BYTES = 1 << 16;
/** As messages promise: where their bytes start. */
const ALIGNMENT = 8;

/** One for all sends that need not wait. */
const SENT = Promise.resolve();

/**
 * Delivers between ranks of one process without encoding, under the rules that sockets impose: never inside the
 * sender's call, in order, with credits, and on copies. It is the whole memory fabric and the inside of a worker of
 * the WebSocket fabric.
 */
export class LocalDelivery {
  readonly #receivers = new Map<number, Receiver>();
  readonly #sendWindows: SendWindows<WaitingPayload>;
  readonly #receiveWindows: ReceiveWindows;
  readonly #maxPayloadBytes: number;
  readonly #counters: Counters;
  readonly #windows = new Map<number, Window>();
  #block = new ArrayBuffer(0);
  #blockUsed = 0;
  #queue: Delivery[] = [];
  #scheduled: NodeJS.Immediate | undefined;
  #closed = false;

  constructor(options: { creditsPerPeer: number; maxPayloadBytes: number; counters: Counters }) {
    this.#sendWindows = new SendWindows(options.creditsPerPeer, options.counters);
    this.#receiveWindows = new ReceiveWindows(options.creditsPerPeer, options.counters);
    this.#maxPayloadBytes = options.maxPayloadBytes;
    this.#counters = options.counters;
  }

  /** Makes a rank known. @throws InvariantError when it already is. */
  attach(rank: number, receiver: Receiver): void {
    if (this.#closed) throw new FabricClosedError();
    if (this.#receivers.has(rank)) throw new InvariantError(`rank ${rank} is attached already`);
    this.#receivers.set(rank, receiver);
  }

  /** @returns the attached receivers. */
  receivers(): readonly Receiver[] {
    return [...this.#receivers.values()];
  }

  /** @returns the receiver of a rank, if it is attached. */
  receiverOf(rank: number): Receiver | undefined {
    return this.#receivers.get(rank);
  }

  /** See {@link Endpoint.sendHeader}. */
  sendHeader(from: number, header: OutgoingHeader): void {
    const receiver = this.#receiverFor(header.to);
    assertSendableHeader(header);
    const { to, movement, hop, stream } = header;
    this.#enqueue({
      receiver,
      payload: undefined,
      header: { from, to, movement, hop, stream, integers: header.integers.slice() },
    });
  }

  /** See {@link Endpoint.sendPayload}; throws where that one rejects. */
  sendPayload(from: number, payload: OutgoingPayload): Promise<void> {
    const receiver = this.#receiverFor(payload.to);
    assertSendablePayload(payload, this.#maxPayloadBytes);
    const key = windowKey(from, payload.to, payload.stream, payload.hop);
    let window = this.#windows.get(key);
    if (window === undefined) {
      window = { send: this.#sendWindows.of(key), receive: this.#receiveWindows.of(key) };
      this.#windows.set(key, window);
    }
    if (window.send.take()) {
      this.#enqueuePayload(receiver, from, payload, window);
      return SENT;
    }
    const sent = deferred<undefined>();
    window.send.wait({ receiver, from, payload, sent });
    return sent.promise;
  }

  /** Drops what is queued; what waits for credit is rejected. */
  close(): void {
    this.#closed = true;
    this.#queue = [];
    if (this.#scheduled !== undefined) clearImmediate(this.#scheduled);
    this.#receiveWindows.abandon();
    for (const { sent } of this.#sendWindows.abandon()) sent.reject(new FabricClosedError());
  }

  #receiverFor(rank: number): Receiver {
    if (this.#closed) throw new FabricClosedError();
    const receiver = this.#receivers.get(rank);
    if (receiver === undefined) throw new InvariantError(`nothing can be sent to rank ${rank}: it is not attached`);
    return receiver;
  }

  #enqueuePayload(receiver: Receiver, from: number, payload: OutgoingPayload, window: Window): void {
    const { to, movement, hop, stream, sequence } = payload;
    const bytes = this.#copyOf(payload.bytes);
    this.#counters.payloadBytesSent += bytes.byteLength;
    this.#enqueue({ receiver, payload: { from, to, movement, hop, stream, sequence, bytes }, window });
  }

  #copyOf(bytes: Uint8Array): Uint8Array {
    const { byteLength } = bytes;
    if (this.#blockUsed + byteLength > this.#block.byteLength) {
      this.#block = new ArrayBuffer(Math.max(BLOCK_BYTES, byteLength));
      this.#blockUsed = 0;
    }
    const copy = new Uint8Array(this.#block, this.#blockUsed, byteLength);
    copy.set(bytes);
    this.#blockUsed += Math.ceil(byteLength / ALIGNMENT) * ALIGNMENT;
    return copy;
  }

  #enqueue(delivery: Delivery): void {
    this.#counters.messagesSent++;
    this.#queue.push(delivery);
    this.#schedule();
  }

  #schedule(): void {
    this.#scheduled ??= setImmediate(() => {
      this.#drain();
    });
  }

  /** Only what was queued before: what handlers send goes in the next turn, or sockets would starve. */
  #drain(): void {
    const batch = this.#queue;
    this.#queue = [];
    this.#scheduled = undefined;
    let done = 0;
    try {
      while (done < batch.length && !this.#closed) this.#deliver(batch[done++]);
    } finally {
      // A handler threw: the rest keeps its place, should the process survive that.
      if (done < batch.length && !this.#closed) {
        this.#queue = [...batch.slice(done), ...this.#queue];
        this.#schedule();
      }
    }
  }

  #deliver(delivery: Delivery): void {
    this.#counters.messagesReceived++;
    if (delivery.payload === undefined) {
      delivery.receiver.onHeader(delivery.header);
      return;
    }
    const { payload, window } = delivery;
    window.receive.accept();
    let released = false;
    delivery.receiver.onPayload(payload, () => {
      if (released)
        throw new InvariantError(`a payload from rank ${payload.from} to rank ${payload.to} was released twice`);
      released = true;
      if (this.#closed) return;
      window.receive.release();
      for (const waiting of window.send.give(1)) {
        this.#enqueuePayload(waiting.receiver, waiting.from, waiting.payload, window);
        waiting.sent.resolve(undefined);
      }
    });
  }
}
