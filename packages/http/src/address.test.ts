import { BadInputError } from '@epemu/core';
import { expect } from 'chai';
import { hostAndPort, isLoopback, parseListenAddress } from './address.js';

const DEFAULTS = { host: '127.0.0.1', port: 9464 };
const parse = (text: string): unknown => parseListenAddress('--metrics', text, DEFAULTS);

describe('an address to listen on', () => {
  it('is a port, a host, or both', () => {
    expect(parse('0')).to.deep.equal({ host: '127.0.0.1', port: 0 });
    expect(parse('0.0.0.0')).to.deep.equal({ host: '0.0.0.0', port: 9464 });
    expect(parse('node-1.cluster:80')).to.deep.equal({ host: 'node-1.cluster', port: 80 });
    expect(parse('[::1]:80')).to.deep.equal({ host: '::1', port: 80 });
    expect(parse('[::]')).to.deep.equal({ host: '::', port: 9464 });
  });

  it('is refused with field, value and form otherwise', () => {
    for (const text of ['', ':80', 'host:', 'host:http', '65536', 'host:70000', 'http://host:80', '[host]:80', '::1']) {
      expect(() => parse(text), text).to.throw(BadInputError, `--metrics is ${text}, but it must be port`);
    }
  });

  it('is written with brackets around IPv6', () => {
    expect(hostAndPort('::1', 80)).to.equal('[::1]:80');
    expect(hostAndPort('localhost', 80)).to.equal('localhost:80');
  });

  it('is loopback for this machine alone', () => {
    expect(['localhost', '127.0.0.1', '127.9.9.9', '::1'].every(isLoopback)).to.equal(true);
    expect(['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.nip.io', 'host'].some(isLoopback)).to.equal(false);
  });
});
