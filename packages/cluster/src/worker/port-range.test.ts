import { BadInputError } from '@epemu/core';
import { expect } from 'chai';
import { PortRangeError, listenInRange, parsePortRange } from './port-range.js';

const inUse = (): Error => Object.assign(new Error('in use'), { code: 'EADDRINUSE' });

describe('a range of ports', () => {
  it('is one port, a range, or 0 for any', () => {
    expect(parsePortRange('--port', '0')).to.deep.equal({ first: 0, last: 0 });
    expect(parsePortRange('--port', '7100')).to.deep.equal({ first: 7100, last: 7100 });
    expect(parsePortRange('--port', '7100-7163')).to.deep.equal({ first: 7100, last: 7163 });
  });

  it('is refused otherwise, with field, value and form', () => {
    for (const text of ['', '-1', '7100-', '7163-7100', '0-9', '65536', '7100-70000', 'any', '1.5']) {
      expect(() => parsePortRange('--port', text), text).to.throw(BadInputError, `--port is ${text}, but it must be`);
    }
  });

  it('gives its first port that is free', async () => {
    const listen = (port: number): Promise<number> => (port < 12 ? Promise.reject(inUse()) : Promise.resolve(port));
    expect(await listenInRange({ first: 10, last: 20 }, 'here', listen)).to.equal(12);
  });

  it('fails in one sentence when all are in use, and at once for another reason', async () => {
    const failure = async (range: { first: number; last: number }, error: Error): Promise<unknown> =>
      listenInRange(range, 'here', () => Promise.reject(error)).catch((thrown: unknown) => thrown);
    const taken = await failure({ first: 10, last: 12 }, inUse());
    expect(taken).to.be.instanceOf(PortRangeError);
    expect(String(taken)).to.include('cannot listen on here: all ports from 10 to 12 are in use; give it other ports');
    expect(String(await failure({ first: 9, last: 9 }, inUse()))).to.include('here: port 9 is in use');
    const foreign = new Error('no such address');
    expect(await failure({ first: 10, last: 12 }, foreign)).to.equal(foreign);
  });
});
