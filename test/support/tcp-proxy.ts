import { createServer, connect } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** What a proxy does to the bytes of a connection, once so many have gone through in either direction. */
export interface Trouble {
  readonly kind: 'stall' | 'reset';
  readonly afterBytes: number;
  /** A stall ends after this long. @default never */
  readonly forMs?: number;
}

/** Options of {@link TcpProxy}. */
export interface TcpProxyOptions {
  readonly to: { readonly host: string; readonly port: number };
  readonly listen?: { readonly host: string; readonly port: number };
  /** How long each piece is held, ms: the n-th of a connection the n-th of these, over and over. */
  readonly delaysMs?: readonly number[];
  readonly trouble?: Trouble;
}

/** A TCP proxy that delays, stalls or resets what goes through: a network's troubles where the kernel has no netem. */
export class TcpProxy {
  readonly #options: TcpProxyOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #passed = 0;
  /** Whether the trouble has come. */
  troubled = false;

  private constructor(options: TcpProxyOptions) {
    this.#options = options;
    this.#server = createServer((dialled) => {
      const { host, port } = options.to;
      const behind = connect(port, host);
      this.#pass(dialled, behind);
      this.#pass(behind, dialled);
    });
  }

  static async start(options: TcpProxyOptions): Promise<TcpProxy> {
    const proxy = new TcpProxy(options);
    const { host, port } = options.listen ?? { host: '127.0.0.1', port: 0 };
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject);
      proxy.#server.listen(port, host, resolve);
    });
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
  }

  #pass(from: Socket, to: Socket): void {
    const { delaysMs = [] } = this.#options;
    let pieces = 0;
    // Pieces keep their order whatever each is delayed by.
    let before: Promise<unknown> = Promise.resolve();
    this.#sockets.add(from);
    from.on('error', () => undefined);
    from.on('data', (bytes) => {
      const delayMs = delaysMs.length === 0 ? 0 : delaysMs[pieces++ % delaysMs.length];
      const held = delayMs === 0 ? undefined : new Promise((resolve) => setTimeout(resolve, delayMs));
      before = Promise.all([before, held]).then(() => to.write(bytes));
      this.#passed += bytes.length;
      this.#makeTrouble();
    });
    from.on('close', () => {
      this.#sockets.delete(from);
      void before.then(() => to.end());
    });
  }

  #makeTrouble(): void {
    const { trouble } = this.#options;
    if (trouble === undefined || this.troubled || this.#passed < trouble.afterBytes) return;
    this.troubled = true;
    if (trouble.kind === 'reset') {
      for (const socket of this.#sockets) socket.resetAndDestroy();
      return;
    }
    for (const socket of this.#sockets) socket.pause();
    if (trouble.forMs === undefined) return;
    setTimeout(() => {
      for (const socket of this.#sockets) socket.resume();
    }, trouble.forMs);
  }
}
