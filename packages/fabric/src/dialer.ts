import { refusalIn, tlsClientOptions, tlsProblem } from '@epemu/http';
import type { TlsIdentity } from '@epemu/http';
import { WebSocket } from 'ws';
import { CLOSE_CODE, HandshakeError, type HandshakeSubject, printable, REFUSAL_CODE } from './errors.js';
import { checkHello, encodeHello, type Hello } from './handshake.js';
import { clientSocketOptions } from './socket-options.js';

const FIRST_RETRY_MS = 10;
const LONGEST_RETRY_MS = 500;
/** How long one attempt may take to become a WebSocket. */
const UPGRADE_TIMEOUT_MS = 10_000;

/** What a dialer needs to know and whom it tells. */
export interface DialerOptions {
  readonly url: string;
  /** What to show, and whom to believe, where the URL is of `wss:`. */
  readonly tls: TlsIdentity | undefined;
  readonly worker: number;
  readonly hello: Hello;
  readonly maxPayload: number;
  readonly closeTimeoutMs: number;
  /** Called within the arrival of the peer's hello: listeners for what follows must be set before it returns. */
  readonly onConnected: (socket: WebSocket) => void;
  /** Called when trying again cannot help. */
  readonly onRefused: (error: HandshakeError) => void;
}

/** Dials one peer until it answers, is found not to belong to the run, or the dialer is stopped. */
export class Dialer {
  readonly #options: DialerOptions;
  #socket: WebSocket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #retryMs = FIRST_RETRY_MS;
  #done = false;
  #handedOver = false;
  /** Why the last attempt failed. */
  lastError: Error | undefined;

  constructor(options: DialerOptions) {
    this.#options = options;
    this.#attempt();
  }

  /** Gives up. Has no effect on a connection already handed over. */
  stop(): void {
    this.#done = true;
    clearTimeout(this.#timer);
    if (!this.#handedOver) this.#socket?.terminate();
  }

  #attempt(): void {
    const { url, tls, hello, worker, maxPayload, closeTimeoutMs } = this.#options;
    let socket: WebSocket;
    try {
      socket = new WebSocket(url, {
        ...clientSocketOptions(maxPayload, closeTimeoutMs, UPGRADE_TIMEOUT_MS),
        ...tlsClientOptions(tls),
      });
    } catch {
      this.#refuse(
        new HandshakeError('worker', `worker ${worker} cannot be reached: "${printable(url)}" is not a URL`),
      );
      return;
    }
    this.#socket = socket;
    socket.on('error', (error) => {
      this.lastError = error;
      const problem = tlsProblem(error);
      if (problem === undefined) return;
      this.#refuse(new HandshakeError('certificate', `worker ${worker} at ${printable(url)} ${problem}`));
    });
    const onClose = (code: number, reason: Buffer): void => {
      const text = printable(reason.toString());
      const subject = subjectOf(code);
      if (subject !== undefined) {
        this.#refuse(new HandshakeError(subject, `worker ${worker} refused the connection: ${text}`, true));
      } else {
        this.lastError ??= new Error(`the connection closed before the hello (code ${code}${text && `: ${text}`})`);
        this.#retry();
      }
    };
    socket.once('open', () => {
      this.lastError = undefined;
      socket.send(encodeHello(hello));
    });
    socket.once('unexpected-response', (request, response) => {
      request.destroy();
      const status = response.statusCode ?? 0;
      const why = refusalIn(response);
      if (why !== undefined) {
        const problem = `worker ${worker} at ${printable(url)} refused this worker: ${why}`;
        this.#refuse(new HandshakeError('certificate', problem));
        return;
      }
      this.#refuse(new HandshakeError('hello', `worker ${worker} is not at ${printable(url)}: HTTP status ${status}`));
    });
    socket.once('close', onClose);
    socket.once('message', (data) => {
      if (this.#done) return;
      socket.off('close', onClose);
      try {
        checkHello(data as Buffer, hello, worker);
      } catch (error) {
        if (!(error instanceof HandshakeError)) throw error;
        socket.close(REFUSAL_CODE[error.subject], printable(error.message));
        this.#refuse(error, false);
        return;
      }
      this.#done = true;
      this.#handedOver = true;
      this.#options.onConnected(socket);
    });
  }

  #retry(): void {
    if (this.#done) return;
    this.#timer = setTimeout(() => {
      this.#attempt();
    }, this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
  }

  #refuse(error: HandshakeError, terminate = true): void {
    if (this.#done) return;
    this.#done = true;
    if (terminate) this.#socket?.terminate();
    this.#options.onRefused(error);
  }
}

/** @returns what a refusal's close code is about, or undefined when trying again may help. */
function subjectOf(code: number): HandshakeSubject | undefined {
  if (code === CLOSE_CODE.helloTimeout) return undefined;
  return (Object.keys(REFUSAL_CODE) as HandshakeSubject[]).find((subject) => REFUSAL_CODE[subject] === code);
}
