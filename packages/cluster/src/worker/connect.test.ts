import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { expect } from 'chai';
import { CoordinatorUnreachableError, connectToCoordinator } from './connect.js';

/** Far below the longest attempt. */
const SOON_MS = 3000;

describe('connecting to a server that takes connections and says nothing', () => {
  const sockets: Socket[] = [];
  let server: Server;
  let url: string;

  before(async () => {
    server = createServer((socket) => sockets.push(socket.on('error', () => undefined)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  async function failure(timeoutMs: number, signal?: AbortSignal): Promise<{ error: unknown; ms: number }> {
    const begunAt = performance.now();
    const options = { timeoutMs, signal, onWait: () => undefined };
    const error: unknown = await connectToCoordinator(url, options).catch((thrown: unknown) => thrown);
    return { error, ms: performance.now() - begunAt };
  }

  it('is given up at the deadline', async () => {
    const { error, ms } = await failure(300);
    expect(error).to.be.instanceOf(CoordinatorUnreachableError);
    expect(ms).to.be.within(290, SOON_MS);
  });

  it('ends at once, with the signal’s reason', async () => {
    const controller = new AbortController();
    const reason = new Error('told to stop');
    setTimeout(() => {
      controller.abort(reason);
    }, 100);
    const { error, ms } = await failure(60_000, controller.signal);
    expect(error).to.equal(reason);
    expect(ms).to.be.below(SOON_MS);
  });
});
