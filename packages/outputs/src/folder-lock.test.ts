import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BadInputError } from '@epemu/core';
import { expect } from 'chai';
import { FolderLock, LOCK_FILE, writerOf } from './folder-lock.js';

describe('the lock of a run’s folder', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'epemu-lock-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  /** Writes a lock as another process would, with what it differs in. */
  function lockOf(changes: Record<string, unknown>): void {
    const own = FolderLock.take(folder);
    const holder = JSON.parse(readFileSync(join(folder, LOCK_FILE), 'utf8')) as Record<string, unknown>;
    own.release();
    writeFileSync(join(folder, LOCK_FILE), JSON.stringify({ ...holder, ...changes }));
  }

  it('is one process’s at a time, named, and gone once it is given free', () => {
    const lock = FolderLock.take(folder);
    expect(writerOf(folder)).to.include(`process ${process.pid} on `);
    expect(() => FolderLock.take(folder)).to.throw(BadInputError, `process ${process.pid} on`);
    lock.release();
    expect(readdirSync(folder)).to.deep.equal([]);
    expect(writerOf(folder)).to.equal(undefined);
    FolderLock.take(folder).release();
  });

  it('is taken over from a process that is gone, or whose number another one has now', () => {
    for (const gone of [{ pid: 2 ** 22 + 1 }, { started: '1' }, { kernel: 'before the machine was started again' }]) {
      lockOf(gone);
      expect(writerOf(folder)).to.equal(undefined);
      FolderLock.take(folder).release();
      expect(readdirSync(folder)).to.deep.equal([]);
    }
  });

  it('is left to processes of which nobody here can tell', () => {
    for (const other of [
      { namespace: 'pid:[1]', pid: 1 },
      { kernel: 'another', host: 'another-machine' },
    ]) {
      lockOf(other);
      expect(() => FolderLock.take(folder)).to.throw(BadInputError, `if it is gone, remove ${join(folder, LOCK_FILE)}`);
      rmSync(join(folder, LOCK_FILE));
    }
    writeFileSync(join(folder, LOCK_FILE), 'nonsense');
    expect(() => FolderLock.take(folder)).to.throw(BadInputError, 'another run is writing');
  });

  it('makes the folder, and leaves it to others to say that it cannot be made', () => {
    const lock = FolderLock.take(join(folder, 'a', 'b'));
    expect(readdirSync(join(folder, 'a', 'b'))).to.deep.equal([LOCK_FILE]);
    lock.release();
    writeFileSync(join(folder, 'file'), '');
    FolderLock.take(join(folder, 'file')).release();
    expect(readdirSync(folder).sort()).to.deep.equal(['a', 'file']);
  });
});
