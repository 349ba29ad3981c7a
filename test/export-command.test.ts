import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, gunzipSync, gzipSync, inflateRawSync } from 'node:zlib';
import { runScenario } from '@epemu/cluster';
import { EXIT_CODE } from '@epemu/core';
import { expect } from 'chai';
import { small } from './support/configuration.js';
import { runCli } from './support/run-cli.js';
import { TemporaryFolder } from './support/temporary.js';

interface Manifest {
  readonly perfetto_manifest: {
    readonly version: number;
    readonly files: readonly { path: string; machine: { name: string }; clocks?: unknown }[];
    readonly attributes: Readonly<Record<string, unknown>>;
  };
}

/** Reads a zip by its central directory, and checks each member against what stands before it. */
function unzip(archive: Buffer): Map<string, Buffer> {
  const end = archive.length - 22;
  expect(archive.readUInt32LE(end)).to.equal(0x06054b50);
  const files = new Map<string, Buffer>();
  let at = archive.readUInt32LE(end + 16);
  for (let left = archive.readUInt16LE(end + 10); left > 0; left--) {
    expect(archive.readUInt32LE(at)).to.equal(0x02014b50);
    const [packed, bytes] = [archive.readUInt32LE(at + 20), archive.readUInt32LE(at + 24)];
    const [name, local] = [archive.readUInt16LE(at + 28), archive.readUInt32LE(at + 42)];
    expect(archive.readUInt32LE(local)).to.equal(0x04034b50);
    // Version to flags, method, date, checksum, lengths: a reader that streams knows the local header alone.
    expect(archive.subarray(local + 4, local + 30)).to.deep.equal(archive.subarray(at + 6, at + 32));
    const text = archive.subarray(local + 30, local + 30 + name);
    const content = inflateRawSync(archive.subarray(local + 30 + name, local + 30 + name + packed));
    expect(content.length).to.equal(bytes);
    expect(crc32(content)).to.equal(archive.readUInt32LE(at + 16));
    files.set(text.toString(), content);
    at += 46 + name;
  }
  expect(at).to.equal(end);
  return files;
}

describe('epemu export --perfetto', () => {
  const temporary = new TemporaryFolder();
  const run = temporary.fresh('run');
  const rankFile = (rank: number): string => join(run, 'ranks', `rank-${String(rank).padStart(5, '0')}.json.gz`);
  before(async () => {
    await runScenario({ configuration: small('decode', { payload: { kind: 'none' } }), out: run });
  });
  after(() => {
    temporary.remove();
  });

  async function exported(...more: string[]): Promise<Map<string, Buffer>> {
    const out = `${temporary.fresh()}.zip`;
    const { code, stderr } = await runCli(['export', '--perfetto', run, '--out', out, ...more]);
    expect(code, stderr).to.equal(0);
    return unzip(readFileSync(out));
  }

  it("holds every rank's file as it is, under a name that does not end in .gz", async () => {
    const files = await exported();
    expect(files.size).to.equal(17);
    for (let rank = 0; rank < 16; rank++) {
      const content = files.get(`rank-${String(rank).padStart(5, '0')}.json`)!;
      expect(content.equals(gunzipSync(readFileSync(rankFile(rank))))).to.equal(true);
    }
  });

  it('has a manifest that Perfetto knows by how it begins, with a name for each rank and one clock', async () => {
    const text = (await exported()).get('perfetto_manifest.json')!.toString();
    expect(text).to.match(/^\{"perfetto_manifest"/);
    const { version, files, attributes } = (JSON.parse(text) as Manifest).perfetto_manifest;
    expect(version).to.equal(1);
    expect(files.map(({ machine }) => machine.name)).to.include.members([
      'rank 000 (node 0, GPU 0)',
      'rank 015 (node 1, GPU 7)',
    ]);
    expect(new Set(files.map(({ machine }) => machine.name)).size).to.equal(16);
    const [first, ...others] = files;
    expect(first).not.to.have.property('clocks');
    for (const { clocks } of others) expect(clocks).to.deep.equal({ sync_to: { file: first.path }, offset_ns: 0 });
    for (const value of Object.values(attributes)) expect(typeof value).to.be.oneOf(['string', 'number']);
  });

  it('holds the ranks that are named alone, and is the same bytes each time', async () => {
    const files = await exported('--ranks', '2-3,9');
    const names = ['rank-00002.json', 'rank-00003.json', 'rank-00009.json'];
    expect([...files.keys()]).to.deep.equal(['perfetto_manifest.json', ...names]);
    const manifest = JSON.parse(files.get('perfetto_manifest.json')!.toString()) as Manifest;
    expect(manifest.perfetto_manifest.files.map(({ path }) => path)).to.deep.equal(names);
    expect([...(await exported('--ranks', '2-3,9'))]).to.deep.equal([...files]);
  });

  it('takes files that were packed by another program, also one behind the other', async () => {
    const before = readFileSync(rankFile(5));
    const content = gunzipSync(before);
    try {
      for (const packed of [
        // gzip's own header has the name of the file.
        Buffer.concat([Buffer.from('1f8b08080000000000036e00', 'hex'), gzipSync(content).subarray(10)]),
        Buffer.concat([gzipSync(content.subarray(0, 99)), gzipSync(content.subarray(99))]),
        Buffer.concat([gzipSync(''), gzipSync(content)]),
        Buffer.concat([gzipSync(content), gzipSync('')]),
      ]) {
        writeFileSync(rankFile(5), packed);
        expect((await exported('--ranks', '5')).get('rank-00005.json')!.equals(content)).to.equal(true);
      }
    } finally {
      writeFileSync(rankFile(5), before);
    }
  });

  it('refuses in one sentence what it cannot do, and leaves nothing behind', async () => {
    const refused = async (args: readonly string[], sentence: RegExp): Promise<void> => {
      const { code, stderr } = await runCli(['export', ...args]);
      expect(code, stderr).to.equal(EXIT_CODE.badInput);
      expect(stderr).to.match(sentence);
    };
    const folder = temporary.fresh();
    const out = `${folder}.zip`;
    await refused([run, '--out', out], /^epemu: no form of export is named; add --perfetto/);
    await refused(['--perfetto', run, '--out', 'a.tar'], /^epemu: --out is a\.tar, .* let it end with \.zip\n$/);
    await refused(['--perfetto', folder, '--out', out], /has no config\.json/);
    await refused(['--perfetto', run, '--out', join(folder, 'a.zip')], /--out .* cannot be written/);
    await refused(['--perfetto', run, '--out', out, '--ranks', '3-1'], /^epemu: --ranks is 3-1, but it must be ranks/);
    await refused(['--perfetto', run, '--out', out, '--ranks', '16'], /names rank 16, of which .* left no trace/);
    const before = readFileSync(rankFile(7));
    try {
      const damaged = Buffer.from(before);
      damaged[damaged.length - 6] ^= 1;
      for (const bytes of [damaged, before.subarray(0, -40), Buffer.from('none')]) {
        writeFileSync(rankFile(7), bytes);
        await refused(['--perfetto', run, '--out', out], /^epemu: .*rank-00007\.json\.gz cannot be read \(.*\n$/);
      }
      rmSync(rankFile(7));
      const { code, stderr } = await runCli(['export', '--perfetto', run, '--out', out]);
      expect(code).to.equal(0);
      expect(stderr).to.match(/lacks the traces of 1 rank of 16 \(7\)/);
      rmSync(out);
    } finally {
      writeFileSync(rankFile(7), before);
    }
    expect(existsSync(out)).to.equal(false);
    expect(readdirSync(temporary.path).filter((name) => name.includes('partial'))).to.deep.equal([]);
  });
});
