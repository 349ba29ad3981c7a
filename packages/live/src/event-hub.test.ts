import { createServer, get } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { EventHub, eventFrame } from './event-hub.js';

/** Events from a stream, parsed as the standard says. */
class EventReader {
  readonly events: { readonly event: string; readonly data: string }[] = [];
  retry: number | undefined;
  readonly #response: IncomingMessage;
  #text = '';
  #wake: (() => void) | undefined;

  constructor(response: IncomingMessage) {
    this.#response = response;
    response.setEncoding('utf8').on('data', (text: string) => {
      this.#text += text;
      const blocks = this.#text.split('\n\n');
      this.#text = blocks.pop() ?? '';
      for (const block of blocks) this.#take(block);
      this.#wake?.();
    });
    response.on('error', () => undefined);
    response.on('close', () => this.#wake?.());
  }

  #take(block: string): void {
    const lines = block.split('\n').map((line) => /^([a-z]+): (.*)$/.exec(line)!);
    const values = (name: string): string[] => lines.filter(([, key]) => key === name).map(([, , value]) => value);
    const [retry] = values('retry');
    if (retry !== undefined) this.retry = Number(retry);
    else this.events.push({ event: values('event')[0], data: values('data').join('\n') });
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      if (this.#response.closed) throw new Error('the stream has ended');
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  pause(): void {
    this.#response.pause();
  }

  resume(): void {
    this.#response.resume();
  }
}

describe('events to those who look on', () => {
  let server: Server;
  let hub: EventHub;
  let version = 0;
  let size = 10;
  const open: IncomingMessage[] = [];

  beforeEach(async () => {
    [version, size] = [0, 10];
    hub = new EventHub(() => JSON.stringify({ version, filling: 'x'.repeat(size) }));
    server = createServer((request, response) => {
      hub.connect(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  afterEach(async () => {
    for (const response of open.splice(0)) response.destroy();
    await new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  });

  async function look(): Promise<EventReader> {
    const { port } = server.address() as AddressInfo;
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      get({ port, host: '127.0.0.1', agent: false }, resolve).on('error', reject);
    });
    open.push(response);
    return new EventReader(response);
  }

  const versionsOf = ({ events }: EventReader): number[] =>
    events.map(({ data }) => (JSON.parse(data) as { version: number }).version);

  it('are framed so that no text can end or add one', () => {
    expect(eventFrame('update', '{"a":1}')).to.equal('event: update\ndata: {"a":1}\n\n');
    expect(eventFrame('update', 'a\n\nevent: b\rdata: c')).to.equal(
      'event: update\ndata: a\ndata: \ndata: event: b\ndata: data: c\n\n',
    );
  });

  it('begin with the state as it is, however late one comes, and say when to connect again', async () => {
    version = 5;
    const reader = await look();
    await reader.until(() => reader.events.length === 1);
    expect(reader.retry).to.equal(1000);
    expect(reader.events[0].event).to.equal('snapshot');
    expect(versionsOf(reader)).to.deep.equal([5]);
  });

  it('go to all, in order', async () => {
    const readers = await Promise.all([look(), look(), look()]);
    await Promise.all(readers.map((reader) => reader.until(() => reader.events.length === 1)));
    expect(hub.clients).to.equal(3);
    for (version = 1; version <= 20; version++) hub.send('update', JSON.stringify({ version }));
    for (const reader of readers) {
      await reader.until(() => reader.events.length === 21);
      expect(versionsOf(reader)).to.deep.equal(Array.from({ length: 21 }, (_, i) => i));
    }
  });

  it('pile up for nobody: who reads too slowly gets the state as it is then, and all that follows', async () => {
    const [slow, fast] = [await look(), await look()];
    await Promise.all([slow, fast].map((reader) => reader.until(() => reader.events.length === 1)));
    slow.pause();
    const filling = 'y'.repeat(100_000);
    let most = 0;
    // Far more than sockets hold: 40 MB.
    for (let i = 0; i < 400; i++) {
      hub.send('update', JSON.stringify({ version: ++version, filling }));
      most = Math.max(most, hub.mostWaitingBytes);
      await fast.until(() => fast.events.length === version + 1);
    }
    expect(most).to.be.below(2 * filling.length);
    slow.resume();
    await slow.until(() => versionsOf(slow).at(-1) === version);
    hub.send('update', JSON.stringify({ version: ++version }));
    await slow.until(() => versionsOf(slow).at(-1) === version);
    expect(slow.events.length).to.be.below(fast.events.length);
    const snapshots = slow.events.filter(({ event }) => event === 'snapshot');
    expect(snapshots.length).to.be.at.least(2);
    // An update never follows a gap: what comes before it is the one before, or a snapshot.
    versionsOf(slow).forEach((of, i) => {
      if (i > 0 && slow.events[i].event === 'update') expect(of).to.equal(versionsOf(slow)[i - 1] + 1);
    });
  });

  it('forget those who have gone', async () => {
    const reader = await look();
    await reader.until(() => reader.events.length === 1);
    const gone = new Promise((resolve) => server.once('connection', (socket) => socket.once('close', resolve)));
    const second = await look();
    await second.until(() => second.events.length === 1);
    open.pop()!.destroy();
    await gone;
    expect(hub.clients).to.equal(1);
  });

  it('are refused to more than 200 at once, by status', async () => {
    const readers = await Promise.all(Array.from({ length: 200 }, look));
    await Promise.all(readers.map((reader) => reader.until(() => reader.events.length === 1)));
    await look();
    expect(open.at(-1)?.statusCode).to.equal(503);
    expect(hub.clients).to.equal(200);
  });
});
