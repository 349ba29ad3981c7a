import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { resolveConfiguration } from '@epemu/config';
import { BadInputError } from '@epemu/core';
import { buildProgram } from '@epemu/schedule';
import { emptyRecord, encodeRecord } from '@epemu/timeline';
import { expect } from 'chai';
import { readOperationsFile, writeOperationsFile } from './operations-file.js';

const MAGIC = 'EPEMU-OPERATIONS/2\n';
const configuration = resolveConfiguration({
  scenario: 'decode',
  flags: { ranks: 2, layers: 1, tokensPerMicrobatch: 4, overlap: 'none' },
});
const HEAD = { configuration, program: buildProgram(configuration), digest: 'd'.repeat(64) };

/** What a rank would hand over. */
function recordOf(rank: number): Uint8Array {
  const record = emptyRecord(rank);
  record.durations.push(0, 0, 1000 + rank);
  record.segments.push(2, 1, 1 - rank, rank, 1 - rank, 0, 5_000_000_000);
  return encodeRecord(record);
}

/** The error that reading a file fails with, which must be bad input and name the file. */
async function refusalOf(path: string): Promise<string> {
  try {
    await readOperationsFile(path);
  } catch (error) {
    if (!(error instanceof BadInputError)) throw error;
    expect(error.field).to.equal(path);
    expect(error.message).to.include(path);
    return error.message;
  }
  throw new Error(`${path} was read`);
}

describe('a file of operations', () => {
  let folder: string;
  let path: string;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'epemu-operations-'));
    path = join(folder, 'operations.bin.gz');
    await writeOperationsFile(path, HEAD, [recordOf(0), recordOf(1)]);
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  /** Replaces the file's content by what the function makes of it. */
  function damage(change: (content: Buffer) => Uint8Array): void {
    writeFileSync(path, gzipSync(change(gunzipSync(readFileSync(path)))));
  }

  it('gives back configuration, program, digest and every rank’s record', async () => {
    const run = await readOperationsFile(path);
    expect(run.configuration).to.deep.equal(configuration);
    expect(run.program).to.deep.equal(HEAD.program);
    expect(run.digest).to.equal(HEAD.digest);
    expect(run.records.map((record) => Buffer.from(encodeRecord(record)))).to.deep.equal(
      [0, 1].map((rank) => Buffer.from(recordOf(rank))),
    );
  });

  it('holds a run of which no rank handed anything over', async () => {
    await writeOperationsFile(path, { ...HEAD, digest: '' }, []);
    const { records, digest } = await readOperationsFile(path);
    expect([records, digest]).to.deep.equal([[], '']);
  });

  it('is refused when it is missing or not compressed', async () => {
    expect(await refusalOf(join(folder, 'nothing.gz'))).to.include('name the folder of a finished run');
    writeFileSync(path, MAGIC);
    expect(await refusalOf(path)).to.include('cannot be read');
  });

  it('is refused when the compressed file is cut short', async () => {
    const bytes = readFileSync(path);
    for (const length of [0, 5, bytes.length >> 1, bytes.length - 1]) {
      writeFileSync(path, bytes.subarray(0, length));
      expect(await refusalOf(path)).to.be.a('string');
    }
  });

  it('is refused when it is of another version or another kind of file', async () => {
    damage((content) => Buffer.concat([Buffer.from('EPEMU-OPERATIONS/1\n'), content.subarray(MAGIC.length)]));
    expect(await refusalOf(path)).to.include('is a record of operations of version 1; this epemu reads version 2');
    damage(() => Buffer.from('{"traceEvents":[]}'));
    expect(await refusalOf(path)).to.include('is no record of operations; this epemu reads version 2');
  });

  it('is refused when its content ends in the middle of a part, or has none', async () => {
    damage((content) => content.subarray(0, content.length - 3));
    expect(await refusalOf(path)).to.match(/ends in the middle, at byte \d+$/);
    damage(() => Buffer.from(MAGIC));
    expect(await refusalOf(path)).to.include('holds no run');
  });

  it('is refused when head or record are damaged', async () => {
    const head = { ...HEAD, configuration: { ...configuration, ranks: 'two' } };
    await writeOperationsFile(path, head as unknown as typeof HEAD, []);
    expect(await refusalOf(path)).to.match(/is damaged \(.*ranks.*\); name the folder of a finished run$/);
    await writeOperationsFile(path, HEAD, [recordOf(0).subarray(0, 40)]);
    expect(await refusalOf(path)).to.include('is damaged');
    damage((content) => {
      content[MAGIC.length + 8] = 0;
      return content;
    });
    expect(await refusalOf(path)).to.include('is damaged');
  });
});
