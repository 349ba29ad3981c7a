import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { expect } from 'chai';
import { closeServer } from './listening.js';
import { Strangers } from './strangers.js';

/** The beginning of a request that never ends. */
const HEAD = 'GET / HTTP/1.1\r\nX: ';

describe('those who have not said who they are', () => {
  let server: Server;
  let strangers: Strangers;
  const dialled: Socket[] = [];

  async function start(limits: { connections?: number; bytes?: number; timeoutMs?: number }): Promise<void> {
    server = createServer();
    strangers = new Strangers(server, { connections: 3, bytes: 100, timeoutMs: 60_000, ...limits });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }

  /** @returns both ends of a new connection. */
  async function dial(): Promise<{ near: Socket; far: Socket; closed: Promise<unknown> }> {
    const met = once(server, 'connection') as Promise<[Socket]>;
    const near = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => undefined);
    dialled.push(near);
    const closed = new Promise((resolve) => near.once('close', resolve));
    return { near, far: (await met)[0], closed };
  }

  afterEach(async () => {
    for (const socket of dialled.splice(0)) socket.destroy();
    await closeServer(server);
  });

  it('are so many at most: the oldest gives way', async () => {
    await start({});
    const ends = [await dial(), await dial(), await dial(), await dial(), await dial()];
    await Promise.all([ends[0].closed, ends[1].closed]);
    expect(ends.map(({ far }) => far.destroyed)).to.deep.equal([true, true, false, false, false]);
    expect(strangers.count).to.equal(3);
  });

  it('may say so much, and are gone with the first byte more', async () => {
    await start({});
    const { near, far, closed } = await dial();
    near.write(HEAD.padEnd(100, 'x'));
    while (far.bytesRead < 100) await once(far, 'data');
    expect(far.destroyed).to.equal(false);
    near.write('x');
    await closed;
  });

  it('are gone after a time', async () => {
    await start({ timeoutMs: 1 });
    await (
      await dial()
    ).closed;
    expect(strangers.count).to.equal(0);
  });

  it('are none of them any more once they are known', async () => {
    await start({ connections: 1, timeoutMs: 1 });
    const { near, far } = await dial();
    strangers.welcome(far);
    const received = new Promise<void>((resolve) => {
      far.on('data', () => {
        if (far.bytesRead >= 1000) resolve();
      });
    });
    near.write(HEAD.padEnd(1000, 'x'));
    await received;
    await (
      await dial()
    ).closed;
    expect(far.destroyed).to.equal(false);
  });
});
