import { type Deferred, deferred, InvariantError } from '@epemu/core';
import { ReceiveWindows, SendWindows } from './credits.js';
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

type Delivery =
  { readonly receiver: Receiver; readonly header: Header } | { readonly receiver: Receiver; readonly payload: Payload };

interface WaitingPayload {
  readonly receiver: Receiver;
  readonly from: number;
  readonly payload: OutgoingPayload;
  readonly sent: Deferred<undefined>;
}

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
    const { to, operation, hop, stream } = header;
    this.#enqueue({ receiver, header: { from, to, operation, hop, stream, integers: header.integers.slice() } });
  }

  /** See {@link Endpoint.sendPayload}; throws where that one rejects. */
  sendPayload(from: number, payload: OutgoingPayload): Promise<void> {
    const receiver = this.#receiverFor(payload.to);
    assertSendablePayload(payload, this.#maxPayloadBytes);
    const key = windowKey(from, payload.to, payload.stream, payload.hop);
    if (this.#sendWindows.take(key)) {
      this.#enqueuePayload(receiver, from, payload);
      return SENT;
    }
    const sent = deferred<undefined>();
    this.#sendWindows.wait(key, { receiver, from, payload, sent });
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

  #enqueuePayload(receiver: Receiver, from: number, payload: OutgoingPayload): void {
    const { to, operation, hop, stream, sequence } = payload;
    // Pooled and always at a multiple of 8.
    const copy = Buffer.allocUnsafe(payload.bytes.byteLength);
    copy.set(payload.bytes);
    const bytes = new Uint8Array(copy.buffer, copy.byteOffset, copy.byteLength);
    this.#counters.payloadBytesSent += bytes.byteLength;
    this.#enqueue({ receiver, payload: { from, to, operation, hop, stream, sequence, bytes } });
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
    if ('header' in delivery) {
      delivery.receiver.onHeader(delivery.header);
      return;
    }
    const { payload } = delivery;
    const key = windowKey(payload.from, payload.to, payload.stream, payload.hop);
    this.#receiveWindows.accept(key);
    let released = false;
    delivery.receiver.onPayload(payload, () => {
      if (released)
        throw new InvariantError(`a payload from rank ${payload.from} to rank ${payload.to} was released twice`);
      released = true;
      if (this.#closed) return;
      this.#receiveWindows.release(key);
      for (const waiting of this.#sendWindows.give(key, 1)) {
        this.#enqueuePayload(waiting.receiver, waiting.from, waiting.payload);
        waiting.sent.resolve(undefined);
      }
    });
  }
}
