import { once } from 'node:events';
import { Packr } from 'msgpackr';
import { type ClientOptions, type RawData, WebSocket } from 'ws';
import { PROTOCOL_VERSION } from './frame-layout.js';
import { encodeHello, type Hello } from './handshake.js';

const packr = new Packr({ useRecords: false, mapsAsObjects: true, useBigIntExtension: true });

/** @returns a frame of messages with any list, or any bytes for it, and any raw part. */
export function messageFrame(list: unknown, raw: Uint8Array = new Uint8Array(0), packed?: Uint8Array): Buffer {
  const message = packed ?? packr.pack(list);
  const prefix = Buffer.of(PROTOCOL_VERSION, 0, 0, 0, 0, 0, 0, 0);
  prefix.writeUInt32LE(message.length, 4);
  return Buffer.concat([prefix, message, Buffer.alloc((8 - (message.length % 8)) % 8), raw]);
}

/** How a WebSocket ended. */
export interface Ending {
  readonly code: number;
  readonly reason: string;
}

/** A peer that speaks the protocol only as far as a test makes it. */
export class RawPeer {
  readonly socket: WebSocket;
  readonly frames: Buffer[] = [];
  /** Resolves when the connection is closed. */
  readonly ended: Promise<Ending>;

  constructor(url: string, options: ClientOptions = {}) {
    this.socket = new WebSocket(url, { perMessageDeflate: false, ...options });
    this.socket.on('error', () => undefined);
    this.socket.on('message', (data: RawData) => this.frames.push(data as Buffer));
    this.ended = new Promise((resolve) => {
      this.socket.once('close', (code, reason) => {
        resolve({ code, reason: reason.toString() });
      });
    });
  }

  /** @returns when at least this many frames have come, hello included. */
  async received(count: number): Promise<void> {
    while (this.frames.length < count) await once(this.socket, 'message');
  }

  /** Connects and says hello, without waiting for an answer. */
  static async dial(url: string, hello: Hello | Buffer): Promise<RawPeer> {
    const peer = new RawPeer(url);
    await once(peer.socket, 'open');
    peer.socket.send(Buffer.isBuffer(hello) ? hello : encodeHello(hello));
    return peer;
  }
}
