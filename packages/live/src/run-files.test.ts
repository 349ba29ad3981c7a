import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { contentType, DOWNLOADS, openRunFile, runFileName } from './run-files.js';

describe('files of a run', () => {
  let root: string;
  let folder: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'epemu-test-'));
    folder = join(root, 'run');
    mkdirSync(join(folder, 'ranks'), { recursive: true });
    writeFileSync(join(root, 'secret.json'), 'secret');
  });

  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  async function contentOf(name: string): Promise<string | undefined> {
    const file = await openRunFile(folder, name);
    if (file === undefined) return undefined;
    const text = await file.handle.readFile('utf8');
    await file.handle.close();
    expect(Buffer.byteLength(text)).to.equal(file.bytes);
    return text;
  }

  it('are those that a run writes, and nothing else', () => {
    expect(DOWNLOADS).to.include.members(['config.json', 'trace.json.gz', 'report.html', 'metrics.prom', 'run.log']);
    for (const name of [...DOWNLOADS, 'ranks/rank-00000.json.gz']) expect(runFileName(name)).to.equal(name);
    const wrong = [
      ...['', '.', '..', 'ranks', 'ranks/', '.spool', '.spool/rank', 'other.json', 'config.json/', '/config.json'],
      ...['../secret.json', '..%2fsecret.json', '%2e%2e/secret.json', '..\\secret.json', 'ranks/../config.json'],
      ...['config.json\0', 'config.json%00', '\0', './config.json', 'CONFIG.JSON', '/etc/passwd', 'constructor'],
      ...[
        'ranks/rank-0.json.gz',
        'ranks/rank-00000.json.gz/..',
        'ranks/rank-00000.json.gz\n',
        'ranks//rank-00000.json.gz',
      ],
    ];
    for (const name of wrong) expect(runFileName(name), name).to.equal(undefined);
  });

  it('no other path is ever one', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.webPath(),
          fc.constantFrom(...DOWNLOADS).map((name) => `${name}x`),
        ),
        (path) => {
          const name = runFileName(path);
          expect(name === undefined || DOWNLOADS.includes(path) || /^ranks\/rank-\d{5}\.json\.gz$/.test(path)).to.equal(
            true,
          );
        },
      ),
    );
  });

  it('are opened where they are', async () => {
    writeFileSync(join(folder, 'report.json'), 'ä');
    writeFileSync(join(folder, 'ranks', 'rank-00003.json.gz'), 'three');
    writeFileSync(join(folder, 'run.log'), '');
    expect(await contentOf('report.json')).to.equal('ä');
    expect(await contentOf('ranks/rank-00003.json.gz')).to.equal('three');
    expect(await contentOf('run.log')).to.equal('');
    expect(await contentOf('trace.json.gz')).to.equal(undefined);
  });

  it('are found when the folder itself was named through a symbolic link', async () => {
    writeFileSync(join(folder, 'report.json'), 'here');
    symlinkSync(folder, join(root, 'link'));
    folder = join(root, 'link');
    expect(await contentOf('report.json')).to.equal('here');
  });

  it('are not followed out of the folder by symbolic links, at the end or on the way', async () => {
    symlinkSync(join(root, 'secret.json'), join(folder, 'report.json'));
    expect(await contentOf('report.json')).to.equal(undefined);
    writeFileSync(join(root, 'rank-00000.json.gz'), 'secret');
    rmSync(join(folder, 'ranks'), { recursive: true });
    symlinkSync(root, join(folder, 'ranks'));
    expect(await contentOf('ranks/rank-00000.json.gz')).to.equal(undefined);
  });

  it('are files: a folder, or a pipe that nobody writes to, is none and keeps nobody waiting', async () => {
    mkdirSync(join(folder, 'report.json'));
    expect(await contentOf('report.json')).to.equal(undefined);
    execFileSync('mkfifo', [join(folder, 'run.log')]);
    expect(await contentOf('run.log')).to.equal(undefined);
  });

  it('have a content type by which a browser keeps packed files packed', () => {
    expect(contentType('trace.json.gz')).to.equal('application/gzip');
    expect(contentType('report.html')).to.equal('text/html; charset=utf-8');
    expect(contentType('report.json')).to.equal('application/json');
  });
});
