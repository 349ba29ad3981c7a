import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { analyze, BadInputError, emulate, EpemuError, run } from './index.js';

const configuration = { ranks: 4, layers: 4, tokensPerMicrobatch: 16, fabric: 'memory', payload: { kind: 'none' } };

describe('the functions that programs call', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'epemu-api-'));
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  it('run as the command does, emulate the same figures, and analyse what was written to them', async () => {
    const out = join(folder, 'run');
    const { report } = await run({ scenario: 'decode', configuration, out });
    expect(JSON.parse(readFileSync(join(out, 'report.json'), 'utf8'))).to.deep.equal(report);
    const { timeline, steady, throughput } = await emulate({ scenario: 'decode', configuration });
    expect({ timeline, steady, throughput }).to.deep.equal({
      ...{ timeline: report.timeline, steady: report.steady, throughput: report.throughput },
    });
    expect((await analyze(out)).timeline.overlapPct).to.be.closeTo(report.timeline!.overlapPct, 1e-9);
  });

  it('refuse what cannot be before anything starts, and end with the reason of their signal', async () => {
    const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
      promise.then(
        () => undefined,
        (error: unknown) => error,
      );
    const bad = { scenario: 'decode', configuration: { ...configuration, ranks: 0 }, out: join(folder, 'bad') };
    expect(await failureOf(run(bad)))
      .to.be.instanceOf(BadInputError)
      .and.have.property('field', 'ranks');
    expect(await failureOf(emulate(bad))).to.be.instanceOf(BadInputError);
    expect(readdirSync(folder)).not.to.include('bad');
    const reason = new EpemuError('enough');
    const ended = { scenario: 'decode', configuration, out: join(folder, 'ended'), signal: AbortSignal.abort(reason) };
    expect(await failureOf(run(ended))).to.equal(reason);
  });
});
