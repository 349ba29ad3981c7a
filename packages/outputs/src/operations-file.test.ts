import { createHash } from 'node:crypto';
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

const MAGIC = 'EPEMU-OPERATIONS/4\n';
const SEAL_BYTES = 32;
const configuration = resolveConfiguration({
  scenario: 'decode',
  flags: { ranks: 2, layers: 1, tokensPerMicrobatch: 4, overlap: 'none' },
});
const HEAD = { configuration, program: buildProgram(configuration), digest: 'd'.repeat(64) };

/** A program that is to be damaged. */
interface Changed {
  operations?: Record<string, unknown>[];
}

/** What a rank would hand over. */
function recordOf(rank: number): Uint8Array {
  const record = emptyRecord(rank);
  record.durations.push(0, 0, 1000 + rank, 1000 + rank, 0);
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
  function change(changed: (content: Buffer) => Uint8Array): void {
    writeFileSync(path, gzipSync(changed(gunzipSync(readFileSync(path)))));
  }

  /** Does the same to what the seal is of, and seals it anew. */
  function damage(damaged: (content: Buffer) => Uint8Array): void {
    change((sealed) => {
      const content = damaged(Buffer.from(sealed.subarray(0, sealed.length - SEAL_BYTES)));
      return Buffer.concat([content, createHash('sha256').update(content).digest()]);
    });
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

  it('is refused whatever byte of its content was changed before it was packed again', async () => {
    const whole = gunzipSync(readFileSync(path));
    const step = Math.ceil(whole.length / 97);
    for (let at = MAGIC.length; at < whole.length; at += step) {
      change(() => Buffer.from(whole).fill(whole[at] ^ 1, at, at + 1));
      expect(await refusalOf(path), `byte ${at}`).to.include('is not what the run has written');
    }
    for (const length of [MAGIC.length, MAGIC.length + SEAL_BYTES, whole.length - 1]) {
      change(() => whole.subarray(0, length));
      expect(await refusalOf(path), `${length} bytes`).to.include('is not what the run has written');
    }
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
    expect(await refusalOf(path)).to.include('is a record of operations of version 1; this epemu reads version 4');
    damage(() => Buffer.from('{"traceEvents":[]}'));
    expect(await refusalOf(path)).to.include('is no record of operations; this epemu reads version 4');
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

  it('is refused when it unpacks to very many times its size', async () => {
    writeFileSync(path, gzipSync(Buffer.concat([Buffer.from(MAGIC), Buffer.alloc(80 << 20)])));
    expect(await refusalOf(path)).to.include('unpacks to more than 300 times its size; raise EPEMU_MOST_GZIP_RATIO');
  });

  const changes: Record<string, [(program: Changed) => void, RegExp]> = {
    'has no operations': [(program) => delete program.operations, /not complete/],
    'has an operation of no kind': [
      ({ operations }) => (operations![1].kind = 'pause'),
      /operation 1 .* no phase or kind/,
    ],
    'numbers operations otherwise': [({ operations }) => (operations![1].id = 2), /operation 1 .* another number/],
    'waits for an operation that there is not': [
      ({ operations }) => (operations![0].gates = [1e6]),
      /operation 0 .* is not/,
    ],
    'has gates that are none': [({ operations }) => (operations![0].gates = 'all'), /operation 0 .* is not/],
    'is on a stream that there is not': [
      ({ operations }) => (operations![0].stream = 99),
      /on a stream that there is not/,
    ],
    'has a null for a row': [({ operations }) => (operations![0].row = null), /no row/],
    'has no collective where one is': [
      ({ operations }) => delete operations!.find(({ collective }) => collective !== undefined)!.collective,
      /has no collective/,
    ],
  };
  for (const [what, [change, reason]] of Object.entries(changes)) {
    it(`is refused when its program ${what}`, async () => {
      const program = JSON.parse(JSON.stringify(HEAD.program)) as Changed;
      change(program);
      const head = { ...HEAD, program } as unknown as typeof HEAD;
      await writeOperationsFile(path, head, [recordOf(0), recordOf(1)]);
      const message = await refusalOf(path);
      expect(message).to.match(/is damaged \(/);
      expect(message).to.match(reason);
    });
  }

  it('is refused when ranks are missing or stand elsewhere', async () => {
    await writeOperationsFile(path, HEAD, [recordOf(0)]);
    expect(await refusalOf(path)).to.include('it has 1 ranks, its configuration 2');
    await writeOperationsFile(path, HEAD, [recordOf(1), recordOf(0)]);
    expect(await refusalOf(path)).to.include('rank 1 stands where rank 0 should');
  });
});
