import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { resolveConfiguration } from '@epemu/config';
import { EpemuError } from '@epemu/core';
import { RunSpool } from '@epemu/outputs';
import { buildProgram } from '@epemu/schedule';
import { expect } from 'chai';
import { Packr } from 'msgpackr';
import { WebSocket } from 'ws';
import { CONTROL_PROTOCOL_VERSION } from '../control/messages.js';
import type { RunEvent } from '../run-events.js';
import { Coordinator } from './coordinator.js';

const CONFIGURATION = resolveConfiguration({
  scenario: 'decode',
  flags: { ranks: 4, layers: 2, tokensPerMicrobatch: 8 },
});
const STATISTICS = { messagesSent: 0, wireBytesSent: 0, framesSent: 0, decodeErrors: 0, peakRssBytes: 0 };
const packr = new Packr({ useRecords: false });

function frame(message: unknown): Buffer {
  return Buffer.concat([Buffer.from([0]), packr.pack(message)]);
}

function hello(slots: number): Record<string, unknown> {
  const known = { protocolVersion: CONTROL_PROTOCOL_VERSION, token: 'secret', machine: 'm' };
  return { type: 'hello', ...known, pid: 100 + slots, host: 'here', slots };
}

describe('a coordinator and workers that misbehave', () => {
  let folder: string;
  let coordinator: Coordinator;
  let events: RunEvent[];
  let url: string;
  /** The message of the error that the run has ended with. */
  let ended: Promise<string>;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'epemu-coordinator-'));
    events = [];
    coordinator = new Coordinator({
      configuration: CONFIGURATION,
      program: buildProgram(CONFIGURATION),
      runId: 'run',
      token: 'secret',
      spool: new RunSpool(folder),
      joinTimeoutMs: 20_000,
      onEvent: (event) => events.push(event),
      follow: true,
    });
    url = await coordinator.listen();
    ended = coordinator.run().then(
      () => 'done',
      (error: unknown) => (error as Error).message,
    );
  });

  afterEach(async () => {
    await coordinator.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Sends frames; pauses between them let the coordinator answer. @returns the reason that it closes with. */
  async function reasonAfter(frames: readonly Buffer[]): Promise<string> {
    const socket = new WebSocket(url);
    await new Promise((resolve) => socket.once('open', resolve));
    const closed = new Promise<string>((resolve) => {
      socket.once('close', (_code, reason: Buffer) => {
        resolve(reason.toString());
      });
    });
    for (const bytes of frames) {
      socket.send(bytes);
      await delay(50);
    }
    return closed;
  }

  it('survives what does not fit into a close frame once it is quoted', async () => {
    const wide = '日'.repeat(90);
    expect(await reasonAfter([frame({ ...hello(1), [wide]: 1 })])).to.match(/^control message is not allowed: .*\?+$/);
    expect(await reasonAfter([Buffer.concat([frame(wide), Buffer.from([1])])])).to.match(/not MessagePack.*\?+$/);
  });

  it('lets a worker go that says it has finished before it holds ranks, and waits for others', async () => {
    const early = [frame(hello(2)), frame({ type: 'finished', statistics: STATISTICS })];
    expect(await reasonAfter(early)).to.equal('finished comes before the worker is running; it is joined');
    expect(events.map(({ type }) => type)).to.deep.equal(['listening', 'joined', 'withdrawn']);
  });

  it('ends the run with what a worker that holds ranks did against the protocol', async () => {
    await reasonAfter([frame(hello(4)), frame({ type: 'listening', url: 'ws://10.0.0.256:1' })]);
    expect(await ended).to.equal(
      'ranks 0–3 (pid 104) failed before its first phase: control message is not allowed: url is no URL',
    );
  });

  it('goes on without a worker that fails before it holds ranks', async () => {
    const socket = new WebSocket(url);
    await new Promise((resolve) => socket.once('open', resolve));
    socket.send(frame(hello(2)));
    socket.send(frame({ type: 'failed', message: 'ended by SIGTERM', peerLost: false }));
    socket.close();
    await new Promise((resolve) => socket.once('close', resolve));
    expect(await Promise.race([ended, delay(600, 'it waits')])).to.equal('it waits');
  });

  /** @returns an array that says it has so many elements. */
  function announcing(count: number, elements: Buffer): Buffer {
    const head = Buffer.alloc(6, 0xdd);
    head[0] = 0;
    head.writeUInt32BE(count, 2);
    return Buffer.concat([head, elements]);
  }

  it('ends a connection that sends more than a hello can have, before all of it has come', async () => {
    const socket = new WebSocket(url);
    await once(socket, 'open');
    // A message that never ends.
    socket.send(announcing(32_000_000, Buffer.alloc(20_000, 0x80)), { fin: false });
    await once(socket, 'close');
    expect(events.map(({ type }) => type)).to.deep.equal(['listening']);
  });

  it('refuses a hello that costs more to decode than it may', async () => {
    expect(await reasonAfter([announcing(0xffff_ffff, Buffer.alloc(100))])).to.include('announces more');
    expect(await reasonAfter([Buffer.concat([Buffer.of(0), Buffer.alloc(3000, 0x91)])])).to.include('nested deeper');
    expect(await reasonAfter([announcing(5000, Buffer.alloc(5000, 0x80))])).to.include('longer than the 4096 allowed');
    expect(await reasonAfter([Buffer.concat([Buffer.of(1, 1), Buffer.alloc(50)])])).to.include('before a hello');
  });

  it('hears one message of whoever it refuses, and tells of it once', async () => {
    const bad = frame({ ...hello(1), token: 'guess' });
    const socket = new WebSocket(url);
    socket.on('error', () => undefined);
    await once(socket, 'open');
    for (let i = 0; i < 20_000; i++) socket.send(bad);
    await once(socket, 'close');
    expect(events.map(({ type }) => type)).to.deep.equal(['listening', 'refused']);
  });

  it('tells one by one of the first it refuses, of all others together', async () => {
    const bad = frame({ ...hello(1), token: 'guess' });
    for (let i = 0; i < 110; i++) {
      const socket = new WebSocket(url);
      await once(socket, 'open');
      socket.send(bad);
      await once(socket, 'close');
    }
    await coordinator.close();
    const counts = events.flatMap((event) => (event.type === 'refused' ? [event.count] : []));
    expect(counts).to.deep.equal([...new Array<number>(100).fill(1), 10]);
  });

  it('lets a worker in, however many silent connections are open', async () => {
    const { port } = new URL(url);
    const silent = Array.from({ length: 300 }, () => connect(Number(port), '127.0.0.1').on('error', () => undefined));
    await Promise.all(silent.map((socket) => once(socket, 'connect')));
    const reason = await reasonAfter([frame(hello(2)), frame({ type: 'ready' })]);
    expect(reason).to.equal('ready comes before the worker is listening; it is joined');
    for (const socket of silent) socket.destroy();
  });

  /** Takes part as the only worker as far as `start`, says what is given then, and @returns what the run ends with. */
  async function afterStart(said: readonly Buffer[]): Promise<string> {
    const socket = new WebSocket(url);
    await once(socket, 'open');
    socket.on('message', (data: Buffer) => {
      const { type } = data[0] === 0 ? (packr.unpack(data.subarray(1)) as { type: string }) : { type: '' };
      if (type === 'assign') socket.send(frame({ type: 'listening', url: 'ws://127.0.0.1:9' }));
      if (type === 'peers') socket.send(frame({ type: 'ready' }));
      if (type === 'start') for (const bytes of said) socket.send(bytes);
    });
    socket.send(frame(hello(4)));
    return ended;
  }

  const numerics = { tokensChecked: 1, chainsChecked: 0, missing: 0, duplicated: 0, wrong: 0, maxRelativeError: 0 };
  const finished = frame({ type: 'finished', statistics: STATISTICS });
  const part = (kind: number, rank: number): Buffer => {
    const head = Buffer.of(1, kind, 0, 0, 0, 0, 0, 0);
    head.writeUInt32LE(rank, 4);
    return Buffer.concat([head, Buffer.alloc(8)]);
  };
  const handedOver = (rank: number): Buffer[] => [
    part(1, rank),
    part(2, rank),
    frame({ type: 'numerics', rank, numerics }),
  ];
  const lies: Record<string, [readonly Buffer[], RegExp]> = {
    nothing: [[finished], /not handed over everything of 4 of its ranks, the first of them 0/],
    'all but one rank': [[0, 1, 3].flatMap(handedOver).concat(finished), /of 1 of its ranks, the first of them 2/],
    'all but one timeline': [
      [0, 1, 2, 3].flatMap(handedOver).toSpliced(3, 1).concat(finished),
      /of 1 of its ranks, the first of them 1/,
    ],
    'a rank twice': [[...handedOver(0), ...handedOver(0)], /timeline of rank 0 come twice/],
    'a rank that it does not hold': [[frame({ type: 'numerics', rank: 99, numerics })], /numerics of rank 99/],
  };
  for (const [what, [said, reason]] of Object.entries(lies)) {
    it(`fails a run whose worker says that it has finished, and has handed over ${what}`, async () => {
      const message = await afterStart(said);
      expect(message).to.match(/^ranks 0–3 \(pid 104\) failed/);
      expect(message).to.match(reason);
    });
  }

  it('goes on waiting for nobody when workers end with the run before they are connected', async () => {
    const socket = new WebSocket(url);
    await once(socket, 'open');
    const listening = new Promise<void>((resolve) => {
      socket.on('message', (data: Buffer) => {
        const { type } = data[0] === 0 ? (packr.unpack(data.subarray(1)) as { type: string }) : { type: '' };
        if (type === 'assign') socket.send(frame({ type: 'listening', url: 'ws://127.0.0.1:9' }));
        if (type === 'peers') resolve();
        if (type === 'abort') socket.send(finished);
      });
    });
    socket.send(frame(hello(4)));
    await listening;
    await coordinator.collectPartial(new EpemuError('ended by SIGTERM'));
    expect(await ended).to.equal('the run has ended before its workers were connected');
  });
});
