import { networkInterfaces } from 'node:os';
import { isLoopback } from '@epemu/http';
import { expect } from 'chai';
import { ownAddress } from './own-address.js';

describe('the address of a worker', () => {
  it('is the one by which it reaches its coordinator', () => {
    expect(ownAddress('10.1.2.3', 'ws://head:7077')).to.equal('10.1.2.3');
    for (const host of ['127.0.0.1', 'localhost', '[::1]']) {
      expect(ownAddress('127.0.0.1', `ws://${host}:7077`)).to.equal('127.0.0.1');
    }
  });

  it('is no loopback where the coordinator’s name is one of a network (needs a network)', function () {
    const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
    if (!own.some(({ internal, family }) => !internal && family === 'IPv4')) this.skip();
    const address = ownAddress('127.0.1.1', 'ws://head:7077');
    expect(own.map((entry) => entry.address)).to.include(address);
    expect(isLoopback(address)).to.equal(false);
  });
});
