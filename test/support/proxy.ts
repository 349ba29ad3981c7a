import type { AddressInfo } from 'node:net';
import { decodeFrame, encodeFrame, frameContent } from '@epemu/fabric';
import type { Message } from '@epemu/fabric';
import { WebSocket, WebSocketServer } from 'ws';
import { freePort } from './processes.js';

/** What a proxy makes of the messages of one frame. */
export type Tamper = (messages: readonly Message[]) => readonly Message[];

/** A WebSocket proxy in front of one worker, which passes frames on as they are or as `tamper` leaves them. */
export class TamperingProxy {
  readonly #server: WebSocketServer;
  readonly #sockets = new Set<WebSocket>();
  /** Where the worker behind it must listen. */
  readonly port: number;
  /** Where peers must dial. */
  readonly publicPort: number;
  /** Frames of messages that went through, in either direction. */
  frames = 0;

  private constructor(server: WebSocketServer, publicPort: number, port: number, tamper: Tamper) {
    this.#server = server;
    this.publicPort = publicPort;
    this.port = port;
    server.on('connection', (socket) => {
      this.#join(socket, tamper);
    });
  }

  static async start(tamper: Tamper): Promise<TamperingProxy> {
    const behind = await freePort();
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    return new TamperingProxy(server, port, behind, tamper);
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.terminate();
    return new Promise((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
  }

  #join(dialled: WebSocket, tamper: Tamper): void {
    const behind = new WebSocket(`ws://127.0.0.1:${this.port}`, { perMessageDeflate: false });
    const early: Buffer[] = [];
    dialled.on('message', (data) => {
      const frame = this.#passed(data as Buffer, tamper);
      if (behind.readyState === WebSocket.CONNECTING) early.push(frame);
      else behind.send(frame);
    });
    behind.on('open', () => {
      for (const frame of early.splice(0)) behind.send(frame);
    });
    behind.on('message', (data) => {
      dialled.send(this.#passed(data as Buffer, tamper));
    });
    for (const [one, other] of [
      [dialled, behind],
      [behind, dialled],
    ]) {
      this.#sockets.add(one);
      one.on('error', () => undefined);
      one.on('close', (code, reason) => {
        const sendable = code === 1000 || (code >= 3000 && code <= 4999);
        if (sendable) other.close(code, reason);
        else if (code === 1005) other.close();
        else other.terminate();
      });
    }
  }

  #passed(frame: Buffer, tamper: Tamper): Buffer {
    if (frameContent(frame) !== 'messages') return frame;
    this.frames++;
    return encodeFrame(tamper(decodeFrame(frame)));
  }
}
