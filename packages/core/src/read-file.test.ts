import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { BadInputError } from './errors.js';
import { FILE_LIMITS } from './file-limits.js';
import { ReadMeter, openRegularFile, readRegularFile, touchFile } from './read-file.js';

const LIMIT = { what: 'it', variable: 'EPEMU_MOST_TEST_BYTES', most: 100_000 };

describe('files that are read', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'epemu-read-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
    for (const { variable } of [LIMIT, FILE_LIMITS.gzipRatio]) Reflect.deleteProperty(process.env, variable);
  });

  function file(length: number): string {
    const path = join(folder, 'file');
    writeFileSync(path, Buffer.alloc(length, 'x'));
    return path;
  }

  it('are regular ones: neither pipes, which would be waited for, nor devices, which may have no end', () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    expect(() => openRegularFile(pipe)).to.throw('it is a pipe, but only regular files are read');
    expect(() => readRegularFile('/dev/zero', LIMIT)).to.throw('it is a device');
    expect(() => readRegularFile(folder, LIMIT)).to.throw('it is a folder');
    expect(() => readRegularFile(join(folder, 'nothing'), LIMIT)).to.throw('ENOENT');
    expect(() => {
      touchFile(pipe);
    }).to.throw('ENXIO');
  });

  it('are read whole, those of the kernel too, which say that they are empty', () => {
    for (const length of [0, 1, 65_535, 65_536, 65_537, 100_000])
      expect(readRegularFile(file(length), LIMIT).equals(Buffer.alloc(length, 'x')), String(length)).to.equal(true);
    expect(readRegularFile('/proc/version', LIMIT).toString()).to.equal(readFileSync('/proc/version', 'utf8'));
  });

  it('have a limit, and a variable that says another', () => {
    const path = file(100_001);
    expect(() => readRegularFile(path, LIMIT)).to.throw(
      'it has at least 100001 bytes, more than the 100000 that are read; raise EPEMU_MOST_TEST_BYTES if that is meant',
    );
    process.env[LIMIT.variable] = '100001';
    expect(readRegularFile(path, LIMIT)).to.have.length(100_001);
    for (const wrong of ['0', '-1', 'much', '1e9', '1.5']) {
      process.env[LIMIT.variable] = wrong;
      expect(() => readRegularFile(path, LIMIT), wrong).to.throw(BadInputError, `EPEMU_MOST_TEST_BYTES is ${wrong}`);
    }
  });

  it('may unpack to so much, and to so many times their size', () => {
    const meter = new ReadMeter({ ...LIMIT, most: 1 << 30 });
    const MIB = 1 << 20;
    meter.notePacked(MIB);
    meter.noteContent(300 * MIB);
    expect(() => {
      meter.noteContent(1);
    }).to.throw('it unpacks to more than 300 times its size; raise EPEMU_MOST_GZIP_RATIO');
    // Little is not looked at: a text that repeats itself packs well.
    new ReadMeter({ ...LIMIT, most: 1 << 30 }).noteContent(60 * MIB);
    process.env[FILE_LIMITS.gzipRatio.variable] = '1000';
    const patient = new ReadMeter({ ...LIMIT, most: 500 * MIB });
    patient.notePacked(MIB);
    patient.noteContent(500 * MIB);
    expect(() => {
      patient.noteContent(1);
    }).to.throw('more than the 524288000 that are read; raise EPEMU_MOST_TEST_BYTES');
  });
});
