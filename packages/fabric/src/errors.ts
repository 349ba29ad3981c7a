import { EpemuError, RankFailedError } from '@epemu/core';

/** What two workers must agree on before they exchange data. */
export type HandshakeSubject = 'protocol version' | 'run id' | 'token' | 'worker' | 'hello' | 'certificate';

/** WebSocket close codes of the fabric; 1000 is a clean leave. */
export const CLOSE_CODE = {
  leave: 1000,
  wrongVersion: 4001,
  wrongRunId: 4002,
  wrongToken: 4003,
  wrongWorker: 4004,
  badHello: 4005,
  helloTimeout: 4006,
  wrongCertificate: 4007,
  badFrame: 4010,
} as const;

/** The close code that tells the other side why its hello was refused. */
export const REFUSAL_CODE: Record<HandshakeSubject, number> = {
  'protocol version': CLOSE_CODE.wrongVersion,
  'run id': CLOSE_CODE.wrongRunId,
  token: CLOSE_CODE.wrongToken,
  worker: CLOSE_CODE.wrongWorker,
  hello: CLOSE_CODE.badHello,
  certificate: CLOSE_CODE.wrongCertificate,
};

/** Thrown when a frame is not what the protocol allows: the peer that sent it is lost, the error is its cause. */
export class FrameDecodeError extends EpemuError {}

/** Thrown when two workers do not belong together. The message names both values, never a token. */
export class HandshakeError extends EpemuError {
  constructor(
    /** What they disagree on. */
    readonly subject: HandshakeSubject,
    message: string,
    /** Whether the other side knew the run's token: what a stranger says must not end a run. */
    readonly authenticated = false,
  ) {
    super(message);
  }
}

/** Thrown by `connect` when the mesh did not form in time. */
export class ConnectError extends EpemuError {
  constructor(
    message: string,
    /** Workers that are not connected. */
    readonly missingWorkers: readonly number[],
    options?: ErrorOptions,
  ) {
    super(message, undefined, options);
  }
}

/** Thrown when something is sent through a fabric that is closing or closed. */
export class FabricClosedError extends EpemuError {
  constructor() {
    super('the fabric is closed: nothing can be sent any more');
  }
}

/** Thrown to those who wait for a peer worker whose connection ended; also what `onPeerLost` is given. */
export class PeerLostError extends RankFailedError {
  constructor(
    /** Index of the lost worker. */
    readonly worker: number,
    ranks: readonly number[],
    /** WebSocket close code; 1006 when the connection dropped without a close frame. */
    readonly code: number,
    /** The close reason as the peer gave it, printable ASCII; may be empty. */
    readonly reason: string,
    cause?: Error,
  ) {
    super(`worker ${worker} (${nameRanks(ranks)}) ${describeEnd(code, reason, cause)}`, {
      ranks,
      cause: cause?.message ?? (reason === '' ? `connection closed with code ${code}` : reason),
    });
    if (cause !== undefined) this.cause = cause;
  }

  /** Ranks that the lost worker held, ascending. */
  get ranks(): readonly number[] {
    return this.detail.ranks;
  }
}

function nameRanks(ranks: readonly number[]): string {
  if (ranks.length === 0) return 'no ranks';
  if (ranks.length === 1) return `rank ${ranks[0]}`;
  const contiguous = ranks.every((rank, i) => rank === ranks[0] + i);
  return contiguous ? `ranks ${ranks[0]}-${ranks[ranks.length - 1]}` : `ranks ${ranks.join(', ')}`;
}

function describeEnd(code: number, reason: string, cause: Error | undefined): string {
  if (cause !== undefined) return `broke the protocol: ${cause.message}`;
  if (code === CLOSE_CODE.leave) return 'has left the run';
  if (code === 1006) return 'dropped its connection without closing it (code 1006): it crashed or was killed';
  return `closed its connection with code ${code}${reason === '' ? '' : `: ${reason}`}`;
}

/** @returns text of a peer fit for a terminal and for a WebSocket close reason (at most 123 bytes). */
export function printable(text: string, limit = 123): string {
  const ascii = text.replace(/[^\x20-\x7e]/g, '?');
  return ascii.length <= limit ? ascii : `${ascii.slice(0, limit - 3)}...`;
}
