import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveConfiguration } from '@epemu/config';
import { BadInputError } from '@epemu/core';
import { writeOperationsFile } from '@epemu/outputs';
import { buildProgram } from '@epemu/schedule';
import { emptyRecord, encodeRecord } from '@epemu/timeline';
import { expect } from 'chai';
import { replayRun } from './replay-run.js';

describe('replayRun', () => {
  const folder = mkdtempSync(join(tmpdir(), 'epemu-replay-'));
  after(() => {
    rmSync(folder, { recursive: true });
  });

  async function refusal(run: string): Promise<string> {
    const error = await replayRun(run).catch((caught: unknown) => caught);
    expect(error).to.be.instanceOf(BadInputError);
    return (error as BadInputError).message;
  }

  it('refuses the partial record of a run that did not finish', async () => {
    const configuration = resolveConfiguration({ scenario: 'prefill', flags: { ranks: 8, layers: 1 } });
    const program = buildProgram(configuration);
    const record = encodeRecord(emptyRecord(0));
    await writeOperationsFile(join(folder, 'operations.bin.gz'), { configuration, program, digest: '' }, [record]);
    expect(await refusal(folder)).to.equal(
      `${folder} is of a run that did not finish; name the folder of a finished run`,
    );
  });

  it('refuses what is no run, naming it', async () => {
    expect(await refusal('./nowhere')).to.match(/^\.\/nowhere cannot be read .*; name the folder of a finished run$/);
  });
});
