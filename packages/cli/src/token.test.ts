import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BadInputError } from '@epemu/core';
import { expect } from 'chai';
import { tokenFrom } from './token.js';

const LONG = '0123456789abcdef';
const NETWORK = ['0.0.0.0', '10.0.0.1', 'head.example', '::'];
const LOOPBACK = ['127.0.0.1', 'localhost', '::1'];

describe('the token that workers and coordinator share', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'epemu-token-'));
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  function file(token: string, mode: number): string {
    const path = join(folder, `${mode.toString(8)}-${token.length}`);
    writeFileSync(path, token);
    chmodSync(path, mode);
    return path;
  }

  it('comes from a file that its owner alone can read, where others reach the address', () => {
    for (const host of NETWORK) {
      for (const mode of [0o600, 0o400, 0o700]) expect(tokenFrom(file(`${LONG}\n`, mode), host)).to.equal(LONG);
      for (const mode of [0o644, 0o640, 0o604, 0o660, 0o666, 0o610]) {
        const path = file(LONG, mode);
        expect(() => tokenFrom(path, host), `${host} ${mode}`)
          .to.throw(BadInputError, `--token-file ${path} has mode 0${mode.toString(8)}`)
          .with.property('message')
          .that.includes('chmod 600');
      }
    }
    for (const host of LOOPBACK) expect(tokenFrom(file(LONG, 0o644), host)).to.equal(LONG);
  });

  it('is long enough not to be guessed, where others reach the address', () => {
    for (const host of NETWORK) {
      const path = file('0123456789a', 0o600);
      expect(() => tokenFrom(path, host)).to.throw(BadInputError, 'a token of 11 characters, but at');
    }
    for (const host of LOOPBACK) expect(tokenFrom(file('x', 0o600), host)).to.equal('x');
    expect(() => tokenFrom(file('', 0o600), '127.0.0.1')).to.throw(BadInputError, 'holds no token');
    expect(() => tokenFrom(file('x'.repeat(257), 0o600), '127.0.0.1')).to.throw(BadInputError, 'at most 256');
  });

  it('is read from a file only, and from a short one', () => {
    expect(() => tokenFrom('/dev/zero', '127.0.0.1')).to.throw(BadInputError, 'it is a device');
    expect(() => tokenFrom(folder, '127.0.0.1')).to.throw(BadInputError, 'it is a folder');
    expect(() => tokenFrom(file('x'.repeat(5000), 0o600), '127.0.0.1')).to.throw(BadInputError, 'more than the 4096');
  });
});
