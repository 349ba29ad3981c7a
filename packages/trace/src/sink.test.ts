import { Writable } from 'node:stream';
import { gunzipSync } from 'node:zlib';

import { expect } from 'chai';

import { TraceSink } from './sink.js';

/** A file that takes nothing until it is told to. */
class SlowOutput extends Writable {
  bytesWritten = 0;
  readonly chunks: Buffer[] = [];
  #release: (() => void)[] = [];
  #open = false;

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.chunks.push(chunk);
    this.bytesWritten += chunk.length;
    if (this.#open) done();
    else this.#release.push(done);
  }

  release(): void {
    this.#open = true;
    for (const done of this.#release.splice(0)) done();
  }
}

/** Text that gzip can make nothing of. */
function noise(seed: number): string {
  let state = seed;
  let text = '';
  while (text.length < 1 << 18) text += (state = Math.imul(state, 1664525) + 1013904223).toString(36);
  return text;
}

describe('TraceSink', () => {
  it('waits for a slow file instead of gathering text in memory', async () => {
    const output = new SlowOutput();
    const sink = new TraceSink(output, { gzip: true, path: 'slow' });
    let flushed = 0;
    const writing = (async () => {
      for (let i = 1; i <= 20; i++) {
        sink.put(noise(i));
        await sink.flush();
        flushed++;
      }
    })();
    await new Promise((resolve) => setTimeout(resolve, 300));
    const held = flushed;
    expect(held).to.be.below(8);
    output.release();
    await writing;
    const bytes = await sink.close();
    const text = gunzipSync(Buffer.concat(output.chunks)).toString();
    expect(bytes).to.equal(output.bytesWritten);
    expect(text).to.equal(Array.from({ length: 20 }, (_, i) => noise(i + 1)).join(''));
    expect(sink.bytesUnpacked).to.equal(text.length);
  });

  it('reports a failure of the file to whoever waits for it', async () => {
    const output = Object.assign(
      new Writable({
        write: (_chunk, _encoding, done) => {
          done(new Error('no space left'));
        },
      }),
      { bytesWritten: 0 },
    );
    const sink = new TraceSink(output, { gzip: true, path: 'full.json.gz' });
    const failure = await (async () => {
      for (let i = 0; i < 20; i++) {
        sink.put(noise(i));
        await sink.flush();
      }
      return await sink.close();
    })().catch((error: unknown) => error);
    expect(failure)
      .to.have.property('message')
      .that.matches(/^cannot write the trace full\.json\.gz: no space left/);
  });
});
