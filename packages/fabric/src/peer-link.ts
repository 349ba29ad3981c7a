import { type Deferred, deferred, InvariantError } from '@epemu/core';
import type { WebSocket } from 'ws';
import { ReceiveWindows, SendWindows } from './credits.js';
import { CLOSE_CODE, FabricClosedError, FrameDecodeError, PeerLostError, printable } from './errors.js';
import type { Counters, Receiver } from './fabric.js';
import { decodeFrame } from './frame-decoder.js';
import { FrameBuilder } from './frame-encoder.js';
import { CREDIT_COST, headerCost, payloadCost } from './frame-layout.js';
import { assertSendableHeader, assertSendablePayload, windowKey } from './messages.js';
import type { Message, OutgoingHeader, OutgoingPayload, PayloadMessage } from './messages.js';

/** Called once per data frame; times in ns of the host's monotonic clock. */
export type HostEventListener = (
  kind: 'send' | 'receive',
  startNs: number,
  endNs: number,
  bytes: number,
  messages: number,
  peerWorker: number,
) => void;

/** What a link needs of the fabric it belongs to. */
export interface LinkContext {
  readonly worker: number;
  readonly workerOfRank: readonly number[];
  readonly creditsPerPeer: number;
  readonly frameBytes: number;
  readonly maxPayloadBytes: number;
  /** Payloads wait while more than this many bytes are buffered for the socket. */
  readonly highWaterBytes: number;
  readonly counters: Counters;
  readonly onHostEvent: HostEventListener | undefined;
  receiverOf(rank: number): Receiver | undefined;
  /** Called once, when the link has ended before this side left. `left`: by a clean close of the peer. */
  onLinkEnd(link: PeerLink, error: PeerLostError, left: boolean): void;
}

interface WaitingPayload {
  readonly from: number;
  readonly payload: OutgoingPayload;
  readonly sent: Deferred<undefined>;
}

interface OwedCredit {
  readonly from: number;
  readonly to: number;
  readonly stream: number;
  readonly hop: number;
  count: number;
}

/** Payloads from this size on go at once: sharing a frame gains them nothing, and the frame is their only copy. */
const DIRECT_BYTES = 64 * 1024;
const SENT = Promise.resolve();

function hostNow(): number {
  return Number(process.hrtime.bigint());
}

/** The connection to one peer worker after the handshake: outbox, credits in both directions, strict receipt. */
export class PeerLink {
  readonly peerWorker: number;
  readonly #socket: WebSocket;
  readonly #context: LinkContext;
  readonly #peerRanks: readonly number[];
  readonly #builder = new FrameBuilder();
  readonly #owed = new Map<number, OwedCredit>();
  readonly #sendWindows: SendWindows<WaitingPayload>;
  readonly #receiveWindows: ReceiveWindows;
  /** Payloads that have credit but wait for the socket. */
  #backlog: WaitingPayload[] = [];
  #flushScheduled = false;
  /** Why nothing can be sent any more. */
  #ended: PeerLostError | FabricClosedError | undefined;
  readonly #closed = deferred<undefined>();

  /** @param socket open, past its handshake; nothing of it may have been lost since. */
  constructor(socket: WebSocket, peerWorker: number, context: LinkContext) {
    this.#socket = socket;
    this.peerWorker = peerWorker;
    this.#context = context;
    this.#peerRanks = [...context.workerOfRank.keys()].filter((rank) => context.workerOfRank[rank] === peerWorker);
    this.#sendWindows = new SendWindows(context.creditsPerPeer, context.counters);
    this.#receiveWindows = new ReceiveWindows(context.creditsPerPeer, context.counters);
    socket.on('message', (data, isBinary) => {
      if (this.#ended !== undefined) return;
      if (isBinary && Buffer.isBuffer(data)) this.#onFrame(data);
      else this.#breakOff(new FrameDecodeError('a text message came where frames are binary'));
    });
    socket.on('error', (error: Error & { code?: string }) => {
      // ws found the peer's framing wrong (too long, too many fragments, …); other errors end in 'close'.
      if (error.code?.startsWith('WS_ERR_') === true) {
        this.#breakOff(new FrameDecodeError(`the WebSocket framing is not allowed: ${error.message}`));
      }
    });
    socket.on('close', (code, reason) => {
      this.#end(
        new PeerLostError(peerWorker, this.#peerRanks, code, printable(reason.toString())),
        code === CLOSE_CODE.leave,
      );
      this.#closed.resolve(undefined);
    });
  }

  /** See {@link Endpoint.sendHeader}. */
  sendHeader(from: number, header: OutgoingHeader): void {
    this.#assertOpen();
    assertSendableHeader(header);
    this.#makeRoom(headerCost(header));
    this.#builder.addHeader(from, header);
    this.#scheduleFlush();
  }

  /** See {@link Endpoint.sendPayload}; throws where that one rejects. */
  sendPayload(from: number, payload: OutgoingPayload): Promise<void> {
    this.#assertOpen();
    assertSendablePayload(payload, this.#context.maxPayloadBytes);
    const window = this.#sendWindows.of(windowKey(from, payload.to, payload.stream, payload.hop));
    const hasCredit = window.take();
    if (hasCredit && !this.#isCongested()) {
      this.#put(from, payload);
      return SENT;
    }
    const sent = deferred<undefined>();
    if (hasCredit) this.#backlog.push({ from, payload, sent });
    else window.wait({ from, payload, sent });
    return sent.promise;
  }

  /** Sends all that has credit and closes cleanly. @returns when the connection is closed. */
  leave(): Promise<void> {
    if (this.#ended === undefined) {
      for (const waiting of this.#backlog.splice(0)) this.#putWaiting(waiting);
      this.#flush();
      this.#ended = new FabricClosedError();
      this.#rejectWaiting(this.#ended);
      this.#socket.close(CLOSE_CODE.leave, 'leave');
    }
    return this.#closed.promise;
  }

  /** @returns whether anything comes from the peer within a time, to which it is asked for an answer. */
  answers(timeoutMs: number): Promise<boolean> {
    const socket = this.#socket;
    return new Promise((resolve) => {
      const settle = (heard: boolean): void => {
        clearTimeout(timer);
        socket.off('pong', onHeard);
        socket.off('message', onHeard);
        resolve(heard);
      };
      const onHeard = (): void => {
        settle(true);
      };
      const timer = setTimeout(() => {
        settle(false);
      }, timeoutMs);
      socket.on('pong', onHeard);
      socket.on('message', onHeard);
      // Of a connection that has ended the end is told elsewhere.
      socket.ping(undefined, undefined, () => undefined);
    });
  }

  /** Ends the connection without ceremony. */
  terminate(): void {
    this.#socket.terminate();
  }

  #assertOpen(): void {
    if (this.#ended !== undefined) throw this.#ended;
  }

  #isCongested(): boolean {
    return this.#backlog.length > 0 || this.#socket.bufferedAmount > this.#context.highWaterBytes;
  }

  #put(from: number, payload: OutgoingPayload): void {
    this.#makeRoom(payloadCost(payload));
    this.#context.counters.payloadBytesSent += payload.bytes.byteLength;
    if (payload.bytes.byteLength >= DIRECT_BYTES) {
      this.#builder.addLastPayload(from, payload);
      this.#flush();
    } else {
      this.#builder.addPayload(from, payload);
      this.#scheduleFlush();
    }
  }

  #putWaiting(waiting: WaitingPayload): void {
    this.#put(waiting.from, waiting.payload);
    waiting.sent.resolve(undefined);
  }

  #makeRoom(cost: number): void {
    if (this.#builder.isEmpty && this.#owed.size === 0) return;
    if (this.#builder.sizeBound + this.#owed.size * CREDIT_COST + cost > this.#context.frameBytes) this.#flush();
  }

  #scheduleFlush(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    setImmediate(() => {
      this.#flushScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#ended !== undefined) return;
    for (const credit of this.#owed.values()) this.#builder.addCredit(credit);
    this.#owed.clear();
    if (this.#builder.isEmpty) return;
    const { counters, onHostEvent } = this.#context;
    const startNs = onHostEvent === undefined ? 0 : hostNow();
    const messages = this.#builder.messageCount;
    const frame = this.#builder.build();
    counters.framesSent++;
    counters.messagesSent += messages;
    counters.wireBytesSent += frame.length;
    this.#socket.send(frame, this.#onWritten);
    onHostEvent?.('send', startNs, hostNow(), frame.length, messages, this.peerWorker);
  }

  /** Bytes went to the kernel: what waited for the socket may go. A failed write ends in 'close'. */
  readonly #onWritten = (): void => {
    if (this.#ended !== undefined || this.#backlog.length === 0) return;
    let served = 0;
    while (served < this.#backlog.length && this.#socket.bufferedAmount <= this.#context.highWaterBytes) {
      this.#putWaiting(this.#backlog[served++]);
    }
    this.#backlog.splice(0, served);
  };

  #onFrame(frame: Buffer): void {
    const { counters, onHostEvent } = this.#context;
    const startNs = onHostEvent === undefined ? 0 : hostNow();
    let messages: Message[];
    try {
      messages = decodeFrame(frame);
      for (const message of messages) this.#admit(message);
    } catch (error) {
      if (!(error instanceof FrameDecodeError)) throw error;
      this.#breakOff(error);
      return;
    }
    counters.framesReceived++;
    counters.wireBytesReceived += frame.length;
    let delivered = 0;
    for (const message of messages) {
      // A handler may have closed the fabric.
      if (this.#ended !== undefined) break;
      if (message.kind === 'credit') continue;
      counters.messagesReceived++;
      delivered++;
      const receiver = this.#context.receiverOf(message.to)!;
      if (message.kind === 'header') receiver.onHeader(message);
      else this.#deliverPayload(receiver, message);
    }
    onHostEvent?.('receive', startNs, hostNow(), frame.length, delivered, this.peerWorker);
  }

  /** Checks what only this connection knows, and counts credits, before anything of a frame is delivered. */
  #admit(message: Message): void {
    const { workerOfRank } = this.#context;
    if (workerOfRank[message.from] !== this.peerWorker) {
      throw new FrameDecodeError(`a message is from rank ${message.from}, which is not on worker ${this.peerWorker}`);
    }
    if (this.#context.receiverOf(message.to) === undefined) {
      throw new FrameDecodeError(`a message is for rank ${message.to}, which is not on worker ${this.#context.worker}`);
    }
    if (message.kind === 'payload') {
      this.#receiveWindows.of(windowKey(message.from, message.to, message.stream, message.hop)).accept();
    } else if (message.kind === 'credit') {
      const key = windowKey(message.to, message.from, message.stream, message.hop);
      for (const waiting of this.#sendWindows.of(key).give(message.count)) {
        if (this.#isCongested()) this.#backlog.push(waiting);
        else this.#putWaiting(waiting);
      }
    }
  }

  #deliverPayload(receiver: Receiver, payload: PayloadMessage): void {
    let released = false;
    receiver.onPayload(payload, () => {
      if (released)
        throw new InvariantError(`a payload from rank ${payload.from} to rank ${payload.to} was released twice`);
      released = true;
      if (this.#ended === undefined) this.#returnCredit(payload);
    });
  }

  #returnCredit({ from, to, stream, hop }: PayloadMessage): void {
    const key = windowKey(from, to, stream, hop);
    this.#receiveWindows.of(key).release();
    const owed = this.#owed.get(key);
    if (owed === undefined) this.#owed.set(key, { from: to, to: from, stream, hop, count: 1 });
    else owed.count++;
    this.#scheduleFlush();
  }

  /** The peer broke the protocol: it is told why and nothing more of it is heard. */
  #breakOff(cause: FrameDecodeError): void {
    if (this.#ended !== undefined) return;
    this.#context.counters.decodeErrors++;
    const reason = printable(cause.message);
    this.#socket.close(CLOSE_CODE.badFrame, reason);
    this.#end(new PeerLostError(this.peerWorker, this.#peerRanks, CLOSE_CODE.badFrame, reason, cause), false);
  }

  #end(error: PeerLostError, left: boolean): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#rejectWaiting(error);
    this.#context.onLinkEnd(this, error, left);
  }

  #rejectWaiting(error: Error): void {
    this.#receiveWindows.abandon();
    for (const { sent } of [...this.#backlog.splice(0), ...this.#sendWindows.abandon()]) sent.reject(error);
  }
}
