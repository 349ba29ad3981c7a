import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { BadInputError } from '@epemu/core';
import { expect } from 'chai';
import { RUN_FILES, newRunId, prepareFolder } from './folder.js';

describe('the folder of a run', () => {
  let base: string;
  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), 'epemu-folder-'));
  });
  afterEach(() => {
    rmSync(base, { recursive: true, force: true });
  });

  it('is made with those above it, and given back as an absolute path', () => {
    const out = join(base, 'a', 'b');
    expect(prepareFolder(relative(process.cwd(), out), false)).to.equal(out);
    expect(readdirSync(out)).to.deep.equal(['ranks']);
  });

  it('may be there already when it is empty', () => {
    expect(prepareFolder(base, false)).to.equal(base);
  });

  it('is refused when it is not empty, and left as it was', () => {
    writeFileSync(join(base, 'report.json'), 'old');
    expect(() => prepareFolder(base, false))
      .to.throw(BadInputError, `out is ${base}, which is not empty; name another folder or add --force`)
      .with.property('field', 'out');
    expect(readdirSync(base)).to.deep.equal(['report.json']);
  });

  it('loses to --force what an earlier run wrote, and nothing else', () => {
    mkdirSync(join(base, 'ranks'));
    mkdirSync(join(base, 'notes'));
    for (const name of ['ranks/rank-00000.json.gz', 'report.json', 'notes/mine.txt', 'report.json.bak']) {
      writeFileSync(join(base, name), name);
    }
    prepareFolder(base, true);
    expect(readdirSync(base).sort()).to.deep.equal(['notes', 'ranks', 'report.json.bak']);
    expect(readdirSync(join(base, 'ranks'))).to.deep.equal([]);
    expect(readFileSync(join(base, 'notes/mine.txt'), 'utf8')).to.equal('notes/mine.txt');
  });

  it('loses to --force every file that a run writes', () => {
    for (const name of RUN_FILES) writeFileSync(join(base, name), '');
    prepareFolder(base, true);
    expect(readdirSync(base)).to.deep.equal(['ranks']);
  });

  it('is refused when a file is in the way, forced or not', () => {
    const out = join(base, 'file');
    writeFileSync(out, 'mine');
    for (const force of [false, true]) {
      expect(() => prepareFolder(out, force)).to.throw(BadInputError, `out is ${out}, which is a file; name a folder`);
    }
    expect(readFileSync(out, 'utf8')).to.equal('mine');
  });

  it('is refused when it cannot be made', () => {
    writeFileSync(join(base, 'file'), '');
    const out = join(base, 'file', 'below');
    expect(() => prepareFolder(out, false)).to.throw(BadInputError, `out is ${out}, which cannot be written`);
    expect(existsSync(out)).to.equal(false);
  });

  (existsSync('/proc/self') ? it : it.skip)('is refused where the system lets nobody make folders', () => {
    for (const out of ['/proc/x', '/proc/x/y']) {
      expect(() => prepareFolder(out, false)).to.throw(BadInputError, `out is ${out}, which cannot be written`);
    }
  });
});

describe('the id of a run', () => {
  const now = new Date('2026-01-02T03:04:05.678Z');

  it('says when and what, and ends with six random digits', () => {
    expect(newRunId('decode', now)).to.match(/^20260102-030405-decode-[0-9a-f]{6}$/);
    expect(newRunId('decode', now)).not.to.equal(newRunId('decode', now));
  });

  it('can be a folder’s name whatever the scenario is called', () => {
    expect(newRunId('../my scenario é', now)).to.match(/^20260102-030405-___my_scenario__-[0-9a-f]{6}$/);
  });
});
