import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect } from 'chai';
import { CLOSE_CODE, type HandshakeError } from './errors.js';
import { PROTOCOL_VERSION } from './frame-layout.js';
import { encodeHello } from './handshake.js';
import { RawPeer } from './raw-peer.test-helper.js';
import { Recorder } from './recorder.test-helper.js';
import { WebSocketFabric } from './websocket.js';

const RUN = { runId: 'run', token: 'secret' };

/** @returns a frame that says it is a hello, of these bytes. */
function helloFrame(packed: Buffer): Buffer {
  const prefix = Buffer.of(PROTOCOL_VERSION, 1, 0, 0, 0, 0, 0, 0);
  prefix.writeUInt32LE(packed.length, 4);
  return Buffer.concat([prefix, packed, Buffer.alloc((8 - (packed.length % 8)) % 8)]);
}

/** A map of one key, whose value is an array that says it has so many elements. */
function announcing(count: number, elements: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(count);
  return helloFrame(Buffer.concat([Buffer.of(0x81, 0xa1, 0x61, 0xdd), length, elements]));
}

describe('WebSocketFabric facing strangers', () => {
  let fabric: WebSocketFabric;
  let url: string;
  let port: number;
  let refused: HandshakeError[];
  const silent: Socket[] = [];

  beforeEach(async () => {
    refused = [];
    const onRefused = (error: HandshakeError): void => void refused.push(error);
    fabric = new WebSocketFabric({ worker: 1, workerOfRank: [0, 1], ...RUN, onRefused });
    fabric.attach(1, new Recorder());
    ({ port } = await fabric.listen());
    url = `ws://127.0.0.1:${port}`;
  });

  afterEach(async () => {
    for (const socket of silent.splice(0)) socket.destroy();
    await fabric.close();
  });

  async function connectPeer(): Promise<RawPeer> {
    const peer = await RawPeer.dial(url, { protocolVersion: PROTOCOL_VERSION, ...RUN, worker: 0 });
    await fabric.connect([{ worker: 0, url: 'ws://127.0.0.1:1' }]);
    await peer.received(1);
    return peer;
  }

  it('ends a connection that sends more than a hello can have, before all of it has come', async () => {
    const peer = new RawPeer(url);
    await once(peer.socket, 'open');
    // A message that never ends.
    peer.socket.send(Buffer.alloc(20_000, PROTOCOL_VERSION), { fin: false });
    expect((await peer.ended).code).to.equal(1006);
  });

  const hostile: Record<string, [Buffer, RegExp]> = {
    'announces more than it has': [announcing(0xffff_ffff, Buffer.alloc(100)), /announces more/],
    'is nested': [helloFrame(Buffer.concat([Buffer.of(0x81, 0xa1, 0x61), Buffer.alloc(3000, 0x91)])), /nested deeper/],
    'is too long': [announcing(5000, Buffer.alloc(5000, 0x80)), /longer than the 4096/],
  };
  for (const [what, [frame, reason]] of Object.entries(hostile)) {
    it(`refuses a hello that ${what}, and hears nothing more of whoever sent it`, async () => {
      const peer = await RawPeer.dial(url, frame);
      for (let i = 0; i < 20; i++) peer.socket.send(frame.subarray(0, 100));
      peer.socket.send(encodeHello({ protocolVersion: PROTOCOL_VERSION, ...RUN, worker: 0 }));
      const ending = await peer.ended;
      expect(ending.code).to.equal(CLOSE_CODE.badHello);
      expect(ending.reason).to.match(reason);
      expect(refused).to.have.length(1);
      expect(refused[0].message).to.match(reason);
      (await connectPeer()).socket.terminate();
    });
  }

  it('lets its peers in, however many silent connections are open and renewed', async () => {
    const knock = async (): Promise<void> => {
      const socket = connect(port, '127.0.0.1').on('error', () => undefined);
      silent.push(socket);
      await once(socket, 'connect');
    };
    for (let i = 0; i < 300; i++) await knock();
    const peer = await connectPeer();
    for (let i = 0; i < 300; i++) await knock();
    peer.socket.ping();
    await once(peer.socket, 'pong');
    peer.socket.terminate();
  });
});
