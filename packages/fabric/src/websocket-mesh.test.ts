import { once } from 'node:events';
import { createServer, connect as connectTcp } from 'node:net';
import { InvariantError } from '@epemu/core';
import { expect } from 'chai';
import { WebSocketServer } from 'ws';
import { CLOSE_CODE, ConnectError, FabricClosedError, HandshakeError } from './errors.js';
import { encodeFrame, encodeHelloFrame } from './frame-encoder.js';
import { PROTOCOL_VERSION } from './frame-layout.js';
import { encodeHello, type Hello } from './handshake.js';
import { RawPeer } from './raw-peer.test-helper.js';
import { pattern, Recorder, rejection } from './recorder.test-helper.js';
import { WebSocketFabric, type WebSocketFabricOptions } from './websocket.js';

const RUN = { runId: 'run', token: 'the-secret-of-this-run' };
const HELLO: Hello = { protocolVersion: PROTOCOL_VERSION, ...RUN, worker: 0 };
const ADDRESS = { movement: 1, hop: 0, stream: 27 };

describe('WebSocketFabric mesh', () => {
  const opened: { close(): unknown }[] = [];

  function fabricOf(worker: number, options: Partial<WebSocketFabricOptions> = {}): WebSocketFabric {
    const fabric = new WebSocketFabric({ worker, workerOfRank: [0, 1, 2], ...RUN, ...options });
    opened.push(fabric);
    return fabric;
  }

  async function listening(worker: number, options: Partial<WebSocketFabricOptions> = {}): Promise<Peer> {
    const fabric = fabricOf(worker, options);
    const { host, port } = await fabric.listen();
    return { fabric, worker, port, url: `ws://${host}:${port}` };
  }

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((each) => each.close()));
  });

  it('retries until a peer that starts later listens', async () => {
    const reserved = createServer().listen(0, '127.0.0.1');
    await once(reserved, 'listening');
    const { port } = reserved.address() as { port: number };
    reserved.close();
    await once(reserved, 'close');
    const low = fabricOf(0);
    const url = `ws://127.0.0.1:${port}`;
    const connected = low.connect([{ worker: 1, url }]);
    expect(await probe(port)).to.equal('ECONNREFUSED');
    const high = fabricOf(1);
    await high.listen(port);
    await Promise.all([connected, high.connect([{ worker: 0, url: '' }])]);
  });

  it('gives up at the deadline and names who is missing', async () => {
    const { fabric } = await listening(1, { connectTimeoutMs: 300 });
    const error = await rejection(
      fabric.connect([
        { worker: 0, url: 'ws://127.0.0.1:1' },
        { worker: 2, url: 'ws://127.0.0.1:1' },
      ]),
    );
    expect(error).to.be.instanceOf(ConnectError);
    expect((error as ConnectError).missingWorkers).to.deep.equal([0, 2]);
    expect(String(error)).to.match(/worker 1 could not connect to worker 0, 2 within 300 ms.*ECONNREFUSED/);
  });

  it('answers no hello before connect is called, so that no peer can send to ranks not yet attached', async () => {
    const { fabric, url } = await listening(1);
    const peer = await RawPeer.dial(url, HELLO);
    // The pong comes after the hello was read.
    peer.socket.ping();
    await once(peer.socket, 'pong');
    expect(peer.frames.length).to.equal(0);
    const receiver = new Recorder();
    fabric.attach(1, receiver);
    await fabric.connect([{ worker: 0, url: '' }]);
    await peer.received(1);
    peer.socket.send(encodeFrame([{ kind: 'header', from: 0, to: 1, ...ADDRESS, integers: [5] }]));
    await receiver.until(() => receiver.headers.length === 1);
  });

  it('drops a peer that sends before it was answered', async () => {
    const { url } = await listening(1);
    const peer = await RawPeer.dial(url, HELLO);
    peer.socket.send(encodeFrame([]));
    expect((await peer.ended).code).to.equal(1006);
  });

  it('flushes what was sent before close', async () => {
    const [low, high] = [await listening(0), await listening(1)];
    const endpoint = low.fabric.attach(0, new Recorder());
    const receiver = new Recorder();
    high.fabric.attach(1, receiver);
    await Promise.all([low.fabric.connect([high]), high.fabric.connect([low])]);
    void endpoint.sendPayload({ to: 1, ...ADDRESS, sequence: 0, bytes: pattern(5_000_000) });
    endpoint.sendHeader({ to: 1, ...ADDRESS, integers: [5] });
    await low.fabric.close();
    expect([receiver.payloads.length, receiver.headers.length, receiver.lost.length]).to.deep.equal([1, 1, 0]);
  });

  it('leaves no socket, server, timer or port behind when all close at once', async () => {
    const active = (): string[] =>
      process.getActiveResourcesInfo().filter((kind) => /TCP|Timeout|Immediate/.test(kind));
    // mocha sets its own timer when the test has returned its promise.
    await new Promise(setImmediate);
    const before = active();
    const peers = [await listening(0), await listening(1), await listening(2)];
    const receivers = peers.map(({ fabric, worker }) => {
      const receiver = new Recorder();
      const endpoint = fabric.attach(worker, receiver);
      return { receiver, endpoint };
    });
    await Promise.all(peers.map((own) => own.fabric.connect(peers.filter((peer) => peer !== own))));
    for (const { endpoint } of receivers) {
      for (const to of [0, 1, 2]) endpoint.sendHeader({ to, ...ADDRESS, integers: [] });
    }
    await Promise.all(peers.map(({ fabric }) => fabric.close()));
    for (const { port } of peers) {
      expect(await probe(port)).to.equal('ECONNREFUSED');
    }
    // Handles are dropped in the turn after their last event.
    await new Promise(setImmediate);
    expect(active()).to.deep.equal(before);
    expect(receivers.flatMap(({ receiver }) => receiver.lost)).to.deep.equal([]);
  });

  it('drops a peer that does not answer its close in time', async () => {
    const { fabric, url } = await listening(1, { closeTimeoutMs: 30 });
    const peer = await RawPeer.dial(url, HELLO);
    await fabric.connect([{ worker: 0, url: '' }]);
    await peer.received(1);
    peer.socket.pause();
    await fabric.close();
    peer.socket.resume();
    await peer.ended;
  });

  it('tells which peers do not answer, whether they are connected or not', async () => {
    const [one, two] = [await listening(1, { connectTimeoutMs: 60_000, closeTimeoutMs: 30 }), await listening(2)];
    const stopped = await RawPeer.dial(one.url, HELLO);
    const connecting = one.fabric.connect([{ worker: 0, url: '' }, two]);
    await stopped.received(1);
    stopped.socket.pause();
    expect(await one.fabric.unheardPeers(100)).to.deep.equal([0, 2]);
    stopped.socket.resume();
    await Promise.all([connecting, two.fabric.connect([one])]);
    expect(await one.fabric.unheardPeers(60_000)).to.deep.equal([]);
  });

  it('ends connect when it closes meanwhile', async () => {
    const { fabric } = await listening(0);
    const connecting = rejection(fabric.connect([{ worker: 1, url: 'ws://127.0.0.1:1' }]));
    await fabric.close();
    expect(await connecting).to.be.instanceOf(FabricClosedError);
    expect(await rejection(fabric.connect([]))).to.be.instanceOf(FabricClosedError);
    expect(await rejection(fabric.listen())).to.be.instanceOf(FabricClosedError);
  });

  it('needs no peers', async () => {
    const { fabric } = await listening(0);
    await fabric.connect([]);
    expect(await rejection(fabric.connect([]))).to.be.instanceOf(InvariantError);
  });

  it('attaches only ranks of its own, and each once', () => {
    const fabric = fabricOf(0);
    fabric.attach(0, new Recorder());
    expect(() => fabric.attach(0, new Recorder())).to.throw(InvariantError, 'attached already');
    expect(() => fabric.attach(1, new Recorder())).to.throw(InvariantError, 'not on worker 0');
  });

  function expectRefusal(error: unknown, subject: string): HandshakeError {
    expect(error).to.be.instanceOf(HandshakeError);
    const refusal = error as HandshakeError;
    expect(refusal.subject).to.equal(subject);
    expect(refusal.message).to.include('worker 0').and.include('worker 1').and.not.include('secret');
    return refusal;
  }

  it('refuses a peer of another run at once, with an error on both sides that names both runs', async () => {
    const [low, high] = [await listening(0, { runId: 'another-run' }), await listening(1)];
    const refused = rejection(high.fabric.connect([low]));
    for (const error of [await rejection(low.fabric.connect([high])), await refused]) {
      expect(expectRefusal(error, 'run id').message).to.include('"run"').and.include('"another-run"');
    }
  });

  it('refuses a peer with another token, with an error on both sides that shows no token', async () => {
    const refused: unknown[] = [];
    const low = await listening(0, { token: 'another-secret' });
    const high = await listening(1, { connectTimeoutMs: 20, onRefused: (error) => refused.push(error) });
    expectRefusal(await rejection(low.fabric.connect([high])), 'token');
    expectRefusal(refused[0], 'token');
    // A stranger must not be able to end a run: what it did is only the likely cause when a peer stays missing.
    const missing = await rejection(high.fabric.connect([low]));
    expect(missing).to.be.instanceOf(ConnectError).with.property('cause', refused[0]);
  });

  const wrongHellos: Record<string, [Buffer, number, string]> = {
    'another version': [encodeHello({ ...HELLO, protocolVersion: 2 }), CLOSE_CODE.wrongVersion, 'speaks 1, its peer 2'],
    'another frame version': [Buffer.from(encodeHello(HELLO)).fill(7, 0, 1), CLOSE_CODE.wrongVersion, 'its peer 7'],
    'a missing field': [encodeHelloFrame({ ...HELLO, worker: undefined }), CLOSE_CODE.badHello, 'wrong type'],
    'one field more': [encodeHelloFrame({ ...HELLO, rank: 1 }), CLOSE_CODE.badHello, 'no others'],
    'the key constructor': [encodeHelloFrame({ constructor: 1, ...RUN, worker: 0 }), CLOSE_CODE.badHello, 'no others'],
    'a negative worker': [encodeHello({ ...HELLO, worker: -1 }), CLOSE_CODE.badHello, 'wrong type'],
    'a worker that nobody knows': [encodeHello({ ...HELLO, worker: 9 }), CLOSE_CODE.wrongWorker, 'no such peer'],
    'a worker that is to be dialled': [encodeHello({ ...HELLO, worker: 2 }), CLOSE_CODE.wrongWorker, 'no such peer'],
    'no MessagePack': [
      Buffer.of(1, 1, 0, 0, 1, 0, 0, 0, 0x8f, 0, 0, 0, 0, 0, 0, 0),
      CLOSE_CODE.badHello,
      'not a hello',
    ],
    'a data frame': [Buffer.of(1, 0, 0, 0, 1, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 0, 0), CLOSE_CODE.badHello, 'not a hello'],
    'nothing in it': [Buffer.alloc(0), CLOSE_CODE.badHello, 'not a hello'],
  };
  for (const [what, [hello, code, reason]] of Object.entries(wrongHellos)) {
    it(`refuses a hello with ${what} and says why`, async () => {
      const refused: HandshakeError[] = [];
      const { url } = await listening(1, { onRefused: (error) => refused.push(error) });
      const ending = await (await RawPeer.dial(url, hello)).ended;
      expect(ending.code).to.equal(code);
      expect(ending.reason).to.include(reason);
      expect(refused[0]).to.be.instanceOf(HandshakeError);
    });
  }

  it('closes a connection that says no hello in time', async () => {
    const { url } = await listening(1, { helloTimeoutMs: 30 });
    expect((await new RawPeer(url).ended).code).to.equal(CLOSE_CODE.helloTimeout);
  });

  it('refuses a second connection of a worker that is connected, and keeps the first', async () => {
    const { fabric, url } = await listening(1);
    const endpoint = fabric.attach(1, new Recorder());
    const first = await RawPeer.dial(url, HELLO);
    await fabric.connect([{ worker: 0, url: '' }]);
    const second = await RawPeer.dial(url, HELLO);
    expect(await second.ended).to.deep.equal({
      code: CLOSE_CODE.wrongWorker,
      reason: 'worker 0 is connected to worker 1 already',
    });
    endpoint.sendHeader({ to: 0, ...ADDRESS, integers: [] });
    await first.received(2);
  });

  it('refuses connections of web pages, which have an Origin, and plain HTTP', async () => {
    const { url } = await listening(1);
    const page = new RawPeer(url, { origin: 'http://127.0.0.1' });
    const [error] = (await once(page.socket, 'error').catch((thrown: unknown) => [thrown])) as [Error];
    expect(error.message).to.include('403');
    expect((await fetch(url.replace('ws:', 'http:'))).status).to.equal(426);
  });

  for (const [what, answer, message] of [
    ['answers as another worker', encodeHello({ ...HELLO, worker: 2 }), 'worker 2 answered where worker 1 should be'],
    ['answers in another version', encodeHello({ ...HELLO, protocolVersion: 2, worker: 1 }), 'speaks 1, its peer 2'],
    ['does not know the token', encodeHello({ ...HELLO, token: 'x', worker: 1 }), 'token of worker 1'],
  ] as const) {
    it(`does not connect to a listener that ${what}`, async () => {
      const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
      opened.push(server);
      await once(server, 'listening');
      const ended = new Promise<number>((resolve) => {
        server.once('connection', (socket) => {
          socket.once('close', resolve);
          socket.once('message', () => {
            socket.send(answer);
          });
        });
      });
      const { port } = server.address() as { port: number };
      const error = await rejection(fabricOf(0).connect([{ worker: 1, url: `ws://127.0.0.1:${port}` }]));
      expect(error).to.be.instanceOf(HandshakeError);
      expect(String(error)).to.include(message);
      expect(await ended).to.be.within(CLOSE_CODE.wrongVersion, CLOSE_CODE.wrongWorker);
    });
  }

  it('does not take a web server or a wrong URL for a peer', async () => {
    const server = (await import('node:http')).createServer((_request, response) => response.writeHead(404).end());
    opened.push(server);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as { port: number };
    const notFound = await rejection(fabricOf(0).connect([{ worker: 1, url: `ws://127.0.0.1:${port}` }]));
    expect(String(notFound)).to.include('HTTP status 404');
    const noUrl = await rejection(fabricOf(0).connect([{ worker: 1, url: 'nowhere' }]));
    expect(String(noUrl)).to.include('"nowhere" is not a URL');
  });
});

/** @returns `connected`, or the code of the error that connecting gives; the socket is gone by then. */
async function probe(port: number): Promise<string> {
  const socket = connectTcp(port, '127.0.0.1');
  let outcome = 'connected';
  socket.once('connect', () => {
    socket.destroy();
  });
  socket.once('error', (error: Error & { code?: string }) => {
    outcome = error.code ?? error.message;
  });
  await new Promise((resolve) => socket.once('close', resolve));
  return outcome;
}

interface Peer {
  readonly fabric: WebSocketFabric;
  readonly worker: number;
  readonly port: number;
  readonly url: string;
}
