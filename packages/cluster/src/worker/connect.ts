import { setTimeout as delay } from 'node:timers/promises';
import { EpemuError, messageOf } from '@epemu/core';
import { refusalIn, tlsClientOptions, tlsProblem } from '@epemu/http';
import type { TlsIdentity } from '@epemu/http';
import { WebSocket } from 'ws';
import { MAX_CONTROL_BYTES } from '../control/channel.js';

const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 2000;
/** Longest that one attempt may take. */
const LONGEST_ATTEMPT_MS = 10_000;

/** Thrown when no coordinator answers until the deadline. */
export class CoordinatorUnreachableError extends EpemuError {
  constructor(
    /** The address that was tried. */
    readonly url: string,
    /** How long it was tried, s. */
    readonly seconds: number,
    cause: unknown,
  ) {
    // What expects TLS ends a connection that begins in clear, without a word.
    const encrypted =
      url.startsWith('ws:') && /hang up|ECONNRESET/.test(messageOf(cause)) ? ', if it has TLS as wss:' : '';
    const remedy = `start it, check the address${encrypted}, or raise --connect-timeout`;
    super(`no coordinator answers at ${url} after ${seconds} s (${messageOf(cause)}); ${remedy}`, undefined, { cause });
  }
}

/** Thrown when one side does not accept the other's certificate, or has none: to try again would not help. */
export class CertificateError extends EpemuError {}

/** A connection to a coordinator. */
export interface CoordinatorConnection {
  readonly socket: WebSocket;
  /** The address of this machine that the connection goes out from: the one by which others reach it, too. */
  readonly localAddress: string;
}

function open(
  url: string,
  timeoutMs: number,
  tls: TlsIdentity | undefined,
  signal: AbortSignal | undefined,
): Promise<CoordinatorConnection> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, {
      perMessageDeflate: false,
      maxPayload: MAX_CONTROL_BYTES,
      handshakeTimeout: timeoutMs,
      ...tlsClientOptions(tls),
      // Loopback and private networks only: a zero mask costs nothing and defends no proxy.
      generateMask: (mask) => {
        mask.fill(0);
      },
    });
    let localAddress = '127.0.0.1';
    socket.once('upgrade', (response) => {
      // IPv4 through a socket for both families.
      localAddress = response.socket.localAddress?.replace(/^::ffff:/, '') ?? localAddress;
    });
    const stop = (): void => {
      socket.terminate();
    };
    signal?.addEventListener('abort', stop);
    const settled = (): void => {
      signal?.removeEventListener('abort', stop);
    };
    const fail = (error: Error): void => {
      settled();
      reject(error);
    };
    const onError = (error: Error): void => {
      const problem = tlsProblem(error);
      const remedy = 'see --tls-ca, --tls-cert and the name in --coordinator';
      fail(problem === undefined ? error : new CertificateError(`the coordinator at ${url} ${problem}; ${remedy}`));
    };
    socket.once('open', () => {
      settled();
      socket.off('error', onError);
      resolve({ socket, localAddress });
    });
    socket.on('error', onError);
    socket.once('unexpected-response', (request, response) => {
      request.destroy();
      const why = refusalIn(response);
      const status = `HTTP status ${response.statusCode ?? 0}`;
      const remedy = 'see --tls-cert and --tls-key';
      fail(
        why === undefined
          ? new Error(status)
          : new CertificateError(`the coordinator at ${url} refused this worker: ${why}; ${remedy}`),
      );
    });
  });
}

/**
 * Connects to a coordinator, with back-off until the deadline.
 * @throws CoordinatorUnreachableError when the deadline passes; CertificateError at once; the signal's reason.
 */
export async function connectToCoordinator(
  url: string,
  options: {
    readonly timeoutMs: number;
    readonly tls?: TlsIdentity | undefined;
    readonly signal: AbortSignal | undefined;
    /** Told once, when the first attempt has failed, why it did. */
    readonly onWait: (reason: string) => void;
  },
): Promise<CoordinatorConnection> {
  const { timeoutMs, tls, signal, onWait } = options;
  const deadline = performance.now() + timeoutMs;
  let reason: unknown;
  for (let wait = FIRST_RETRY_MS; ; wait = Math.min(wait * 2, LONGEST_RETRY_MS)) {
    signal?.throwIfAborted();
    try {
      const left = Math.max(1, Math.ceil(deadline - performance.now()));
      return await open(url, Math.min(left, LONGEST_ATTEMPT_MS), tls, signal);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof CertificateError) throw error;
      if (wait === FIRST_RETRY_MS) onWait(messageOf(error));
      const left = deadline - performance.now();
      // An attempt that the deadline cuts says less than one that ended before.
      if (left > 0 || reason === undefined) reason = error;
      if (left <= 0) throw new CoordinatorUnreachableError(url, Math.round(timeoutMs / 1000), reason);
      // The signal ends the wait; its reason is thrown above.
      await delay(Math.min(wait, left), undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
    }
  }
}
