import { expect } from 'chai';
import { CLOSE_CODE, FrameDecodeError, PeerLostError } from './errors.js';
import type { Endpoint } from './fabric.js';
import { decodeFrame } from './frame-decoder.js';
import { encodeFrame } from './frame-encoder.js';
import { PROTOCOL_VERSION } from './frame-layout.js';
import type { Message } from './messages.js';
import { messageFrame, RawPeer } from './raw-peer.test-helper.js';
import { pattern, Recorder, rejection } from './recorder.test-helper.js';
import { WebSocketFabric, type WebSocketFabricOptions } from './websocket.js';

const RUN = { runId: 'run', token: 'secret' };
const ADDRESS = { movement: 1, hop: 0, stream: 27 };
const CREDITS = 2;

/** Worker 1 (ranks 2 and 3) is a fabric; worker 0 (ranks 0 and 1) is what the test makes of it. */
describe('WebSocketFabric facing a peer that misbehaves', () => {
  let fabric: WebSocketFabric;
  let peer: RawPeer;
  let ranks: Recorder[];
  let endpoint: Endpoint;

  async function start(options: Partial<WebSocketFabricOptions> = {}): Promise<void> {
    const limits = { creditsPerPeer: CREDITS, frameBytes: 4096, maxPayloadBytes: 1024 * 1024 };
    fabric = new WebSocketFabric({ worker: 1, workerOfRank: [0, 0, 1, 1], ...RUN, ...limits, ...options });
    ranks = [new Recorder({ hold: true }), new Recorder({ hold: true })];
    endpoint = fabric.attach(2, ranks[0]);
    fabric.attach(3, ranks[1]);
    const { port } = await fabric.listen();
    const url = `ws://127.0.0.1:${port}`;
    peer = await RawPeer.dial(url, { protocolVersion: PROTOCOL_VERSION, ...RUN, worker: 0 });
    await fabric.connect([{ worker: 0, url: 'ws://127.0.0.1:1' }]);
    await peer.received(1);
  }

  const header = (integers: readonly number[]): Message => ({ kind: 'header', from: 0, to: 2, ...ADDRESS, integers });
  const payload = (sequence: number, change: Partial<Message> = {}): Message =>
    ({ kind: 'payload', from: 0, to: 2, ...ADDRESS, sequence, bytes: pattern(8), ...change }) as Message;

  async function lost(): Promise<PeerLostError> {
    await Promise.all(ranks.map((rank) => rank.until(() => rank.lost.length > 0)));
    return ranks[0].lost[0];
  }

  afterEach(async () => {
    peer.socket.terminate();
    await fabric.close();
  });

  it('tells every rank once that a peer dropped, and rejects what waits for it', async () => {
    await start();
    for (let sequence = 0; sequence < CREDITS; sequence++) {
      await endpoint.sendPayload({ to: 0, ...ADDRESS, sequence, bytes: pattern(8) });
    }
    const waiting = rejection(endpoint.sendPayload({ to: 0, ...ADDRESS, sequence: 9, bytes: pattern(8) }));
    peer.socket.terminate();
    const error = await lost();
    expect(error).to.be.instanceOf(PeerLostError);
    expect(error).to.include({ worker: 0, code: 1006, reason: '', exitCode: 3 });
    expect(error.ranks).to.deep.equal([0, 1]);
    expect(error.message).to.include('worker 0 (ranks 0-1) dropped its connection');
    expect(await waiting).to.equal(error);
    expect(() => {
      endpoint.sendHeader({ to: 0, ...ADDRESS, integers: [] });
    }).to.throw(PeerLostError);
    await fabric.close();
    expect(ranks.map((rank) => rank.lost)).to.deep.equal([[error], [error]]);
  });

  it('reports the code and reason a peer gave, made printable', async () => {
    await start();
    peer.socket.close(4321, 'out of \u001b[31mmemory');
    expect(await lost()).to.include({ code: 4321, reason: 'out of ?[31mmemory' });
  });

  it('takes a clean leave for no failure, yet cannot send to who has left', async () => {
    await start();
    const full = Array.from({ length: CREDITS + 1 }, (_, sequence) =>
      endpoint.sendPayload({ to: 0, ...ADDRESS, sequence, bytes: pattern(8) }),
    );
    peer.socket.close(CLOSE_CODE.leave, 'leave');
    const error = await rejection(Promise.all(full));
    expect(error).to.be.instanceOf(PeerLostError);
    expect(String(error)).to.include('has left the run');
    expect(ranks.flatMap((rank) => rank.lost)).to.deep.equal([]);
  });

  it('delivers what came before a drop', async () => {
    await start();
    peer.socket.send(encodeFrame([header([1]), payload(0)]), () => {
      peer.socket.terminate();
    });
    await lost();
    expect(ranks[0].headers.length + ranks[0].payloads.length).to.equal(2);
    for (const release of ranks[0].releases) release();
  });

  it('delivers nothing more once a handler has closed the fabric', async () => {
    await start();
    let closing: Promise<void> | undefined;
    const stopped = ranks[0].until(() => {
      if (ranks[0].headers.length > 0) closing ??= fabric.close();
      return closing !== undefined;
    });
    peer.socket.send(encodeFrame([header([1]), header([2]), payload(0)]));
    peer.socket.send(encodeFrame([header([3])]));
    await stopped;
    await closing;
    expect(ranks[0].headers.map(({ integers }) => integers)).to.deep.equal([[1]]);
    expect(ranks[0].payloads).to.deep.equal([]);
  });

  const violations: Record<string, [string, RegExp, (string | Buffer)[]]> = {
    truncated: ['a truncated frame', /raw bytes|ends within/, [encodeFrame([payload(0)]).subarray(0, -3)]],
    version: ['a frame of another version', /version 9, expected 1/, [Buffer.from(encodeFrame([])).fill(9, 0, 1)]],
    nested: ['nested arrays', /no safe integer/, [messageFrame([[1, 0, 2, 1, 0, 27, 0]])]],
    text: ['a text message', /text message/, ['{"kind":"header"}']],
    hello: [
      'a second hello',
      /holds hello/,
      [Buffer.of(PROTOCOL_VERSION, 1, 0, 0, 1, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0)],
    ],
    foreignFrom: ['a message from a rank of another worker', /from rank 3/, [encodeFrame([payload(0, { from: 3 })])]],
    unknownFrom: ['a message from a rank that is not', /from rank 77/, [encodeFrame([payload(0, { from: 77 })])]],
    foreignTo: ['a message for a rank of another worker', /for rank 1/, [encodeFrame([payload(0, { to: 1 })])]],
    credit: ['a payload without credit', /without credit/, [encodeFrame([0, 1, 2].map((i) => payload(i)))]],
    laterCredit: [
      'a payload without credit in a later frame',
      /without credit/,
      [0, 1, 2].map((i) => encodeFrame([payload(i)])),
    ],
    inventedCredit: [
      'credits that were never taken',
      /1 credits were returned where 0 were taken/,
      [encodeFrame([{ kind: 'credit', from: 0, to: 2, stream: 27, hop: 0, count: 1 }])],
    ],
    tooLong: ['a frame beyond the length limit', /WebSocket framing/, [Buffer.alloc(2 * 1024 * 1024)]],
  };
  for (const [what, pattern, frames] of Object.values(violations)) {
    it(`drops a peer that sends ${what}, says why, and counts it`, async () => {
      await start();
      for (const frame of frames) peer.socket.send(frame);
      const error = await lost();
      expect(error.cause).to.be.instanceOf(FrameDecodeError);
      expect(error.message).to.match(pattern);
      expect(fabric.statistics.decodeErrors).to.equal(1);
      const ending = await peer.ended;
      if (pattern.source !== 'WebSocket framing') {
        expect(ending.code).to.equal(CLOSE_CODE.badFrame);
        expect(ending.reason).to.match(pattern);
      }
      expect(ranks.map((rank) => rank.lost.length)).to.deep.equal([1, 1]);
    });
  }

  it('drops a peer that splits a frame into thousands of fragments', async () => {
    await start();
    for (let i = 0; i < 300; i++) peer.socket.send(Buffer.of(1), { fin: false, binary: true });
    expect((await lost()).message).to.include('WebSocket framing');
    expect(fabric.statistics.decodeErrors).to.equal(1);
  });

  it('delivers none of a frame that breaks the protocol at its end', async () => {
    await start();
    peer.socket.send(encodeFrame([header([1]), payload(0), payload(1, { from: 3 })]));
    await lost();
    expect(ranks[0].headers.length + ranks[0].payloads.length).to.equal(0);
  });

  it('sends all of a turn in one frame', async () => {
    await start({ frameBytes: 1024 * 1024 });
    for (let i = 0; i < 1000; i++) endpoint.sendHeader({ to: i % 2, ...ADDRESS, integers: [i] });
    await endpoint.sendPayload({ to: 0, ...ADDRESS, sequence: 0, bytes: pattern(100) });
    await peer.received(2);
    expect(decodeFrame(peer.frames[1]).length).to.equal(1001);
    expect(fabric.statistics.framesSent).to.equal(1);
  });

  it('makes no frame longer than its limit unless one message is, which then travels alone', async () => {
    await start({ frameBytes: 2000, creditsPerPeer: 100 });
    for (let i = 0; i < 500; i++) endpoint.sendHeader({ to: 0, ...ADDRESS, integers: [i, -i, 2 ** 40 + i] });
    for (const [sequence, length] of [100, 5000, 300, 70_000, 40].entries()) {
      await endpoint.sendPayload({ to: 0, ...ADDRESS, sequence, bytes: pattern(length) });
    }
    endpoint.sendHeader({ to: 0, ...ADDRESS, integers: [-7] });
    let messages: Message[] = [];
    for (let count = 2; messages.length < 506; count++) {
      await peer.received(count);
      messages = peer.frames.slice(1).flatMap((frame) => decodeFrame(frame));
    }
    for (const frame of peer.frames.slice(1)) {
      if (frame.length > 2000) expect(decodeFrame(frame).length).to.equal(1);
    }
  });

  it('lets payloads wait while a slow socket is full, and headers not', async () => {
    const highWaterBytes = 64 * 1024;
    await start({ highWaterBytes, creditsPerPeer: 64 });
    peer.socket.pause();
    const bytes = pattern(1024 * 1024);
    const total = 40;
    let resolved = 0;
    const sends = Array.from({ length: total }, async (_, sequence) => {
      await endpoint.sendPayload({ to: 0, ...ADDRESS, sequence, bytes });
      resolved++;
    });
    await sends[0];
    endpoint.sendHeader({ to: 0, ...ADDRESS, integers: [] });
    // More than loopback's socket buffers take: the peer does not read.
    expect(resolved).to.be.below(total);
    peer.socket.resume();
    await Promise.all(sends);
    await peer.received(1 + total + 1);
    const kinds = peer.frames.slice(1).map((frame) => decodeFrame(frame)[0].kind);
    expect(kinds.indexOf('header')).to.be.below(total);
    expect(kinds.filter((kind) => kind === 'payload').length).to.equal(total);
  });

  it('returns the credits of a turn in one entry per window', async () => {
    await start();
    peer.socket.send(encodeFrame([payload(0), payload(1), payload(2, { stream: 7 })]));
    await ranks[0].until(() => ranks[0].releases.length === 3);
    for (const release of ranks[0].releases) release();
    await peer.received(2);
    expect(decodeFrame(peer.frames[1])).to.deep.equal([
      { kind: 'credit', from: 2, to: 0, stream: 27, hop: 0, count: 2 },
      { kind: 'credit', from: 2, to: 0, stream: 7, hop: 0, count: 1 },
    ]);
  });

  it('reports each frame to the host timeline', async () => {
    const events: unknown[][] = [];
    await start({ onHostEvent: (...event) => events.push(event) });
    endpoint.sendHeader({ to: 0, ...ADDRESS, integers: [] });
    const frame = encodeFrame([header([1]), header([2])]);
    peer.socket.send(frame);
    await ranks[0].until(() => ranks[0].headers.length === 2);
    endpoint.sendHeader({ to: 0, ...ADDRESS, integers: [] });
    await peer.received(2);
    for (const [, startNs, endNs] of events) expect(endNs).to.be.at.least(startNs as number);
    const [, , , bytes, messages, peerWorker] = events.find(([kind]) => kind === 'receive')!;
    expect([bytes, messages, peerWorker]).to.deep.equal([frame.length, 2, 0]);
    expect(events.map(([kind]) => kind)).to.include('send');
  });
});
