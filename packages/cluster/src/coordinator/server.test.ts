import { once } from 'node:events';
import { connect } from 'node:net';
import { expect } from 'chai';
import { CoordinatorServer } from './server.js';

describe('the coordinator’s door', () => {
  it('closes on those who connected and said nothing', async () => {
    const server = new CoordinatorServer({
      workers: 1,
      tls: undefined,
      onSocket: () => undefined,
      onRefused: () => undefined,
    });
    const { host, port } = await server.listen({ host: '127.0.0.1', port: 0 });
    const silent = connect(port, host).on('error', () => undefined);
    const answer = new Promise((resolve) => silent.once('close', resolve));
    await once(silent, 'connect');
    // The server hears of a connection a moment after its other side; this one is behind it.
    await fetch(`http://${host}:${port}/`);
    await server.close();
    await answer;
    expect(silent.destroyed).to.equal(true);
  });
});
