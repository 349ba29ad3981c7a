import type { PeerLostError } from './errors.js';
import type { Header, OutgoingHeader, OutgoingPayload, Payload } from './messages.js';

/**
 * What a rank gets. Handlers are called synchronously, one message at a time, never inside a sender's call: headers
 * in order per (from, to), payloads in order per (from, to, stream, hop), the unit that has credits of its own.
 * A handler that throws is a bug of the rank: the exception is not caught.
 */
export interface Receiver {
  onHeader(header: Header): void;
  /**
   * @param payload its bytes are valid until `release` is called.
   * @param release must be called once, when the bytes have been consumed: it returns the sender's credit.
   *   Throws InvariantError when called twice; does nothing once the peer or the fabric is gone.
   */
  onPayload(payload: Payload, release: () => void): void;
  /** Called once per peer worker whose connection ended without a clean close, for every attached rank. */
  onPeerLost(error: PeerLostError): void;
}

/** What a rank sends with. */
export interface Endpoint {
  readonly rank: number;
  /**
   * Sends a timing message; never waits. The fabric copies the integers.
   *
   * @throws InvariantError for fields out of range or a rank that does not exist, PeerLostError when the peer is gone,
   *   FabricClosedError after `close`.
   */
  sendHeader(header: OutgoingHeader): void;
  /**
   * Sends tensor bytes. Resolves when a credit of the window (from, to, stream, hop) was taken and the bytes have been
   * *copied*: from then on, and not before, the caller may overwrite the buffer. Says nothing about arrival.
   * Payloads of one window go in the order of the calls, whether awaited or not.
   *
   * @throws (as a rejection) what {@link sendHeader} throws; PeerLostError also when the peer is lost while waiting.
   */
  sendPayload(payload: OutgoingPayload): Promise<void>;
}

/** Counts since the fabric was made, and how things stand now. Messages are headers and payloads, local ones too; frames are WebSocket frames. */
export interface FabricStatistics {
  readonly framesSent: number;
  readonly framesReceived: number;
  readonly messagesSent: number;
  readonly messagesReceived: number;
  /** Bytes of data frames, without hello frames and WebSocket's own framing. */
  readonly wireBytesSent: number;
  readonly wireBytesReceived: number;
  /** Tensor bytes, local ones too. */
  readonly payloadBytesSent: number;
  /** The most payloads of one window that were received and not yet released. Never above the credits. */
  readonly maxQueuedPayloads: number;
  /** Payloads that have been received and not yet released, now. */
  readonly payloadsQueued: number;
  /** Credits that senders hold for payloads on their way or not yet released, now. */
  readonly creditsTaken: number;
  /** Payloads that wait for a credit, now. */
  readonly payloadsWaiting: number;
  /** Frames that broke the protocol. Each cost its peer the connection. */
  readonly decodeErrors: number;
}

/** A set of ranks that can send to each other. */
export interface Fabric {
  /**
   * Makes a rank known; before the mesh connects.
   *
   * @throws InvariantError when the rank is attached already or belongs to another worker.
   */
  attach(rank: number, receiver: Receiver): Endpoint;
  /** A snapshot of the counts. */
  readonly statistics: FabricStatistics;
  /**
   * Leaves: remote messages sent before are flushed, no handler is called after, sends that still wait for credit
   * reject with FabricClosedError. Leaves no handle open. May be called more than once.
   */
  close(): Promise<void>;
}

/** Default credits of a window (from, to, stream, hop). */
export const DEFAULT_CREDITS_PER_PEER = 8;
/** Default for the longest payload, in bytes. */
export const DEFAULT_MAX_PAYLOAD_BYTES = 64 * 1024 * 1024;

/** The counts while they are being counted. */
export type Counters = { -readonly [Name in keyof FabricStatistics]: FabricStatistics[Name] };

/** @returns counts of nothing. */
export function newCounters(): Counters {
  return {
    framesSent: 0,
    framesReceived: 0,
    messagesSent: 0,
    messagesReceived: 0,
    wireBytesSent: 0,
    wireBytesReceived: 0,
    payloadBytesSent: 0,
    maxQueuedPayloads: 0,
    payloadsQueued: 0,
    creditsTaken: 0,
    payloadsWaiting: 0,
    decodeErrors: 0,
  };
}
