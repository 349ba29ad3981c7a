import { expect } from 'chai';
import { runScenario } from '@epemu/cluster';
import { decodeRecord, decodeTimeline, encodeRecord, encodeTimeline } from '@epemu/timeline';
import type { RankRecord, RankTimeline } from '@epemu/timeline';
import { digestOfOutcome } from './support/cluster-run.js';
import { small } from './support/configuration.js';
import { digestOf, runLocally } from './support/local-run.js';
import type { LocalRun } from './support/local-run.js';
import { TemporaryFolder } from './support/temporary.js';

/** A rank in the middle, so that neither end of the digest is favoured. */
const RANK = 5;

describe('digest', () => {
  const folder = new TemporaryFolder();
  const changes = { ranks: 8, ranksPerWorker: 4, layers: 2 };
  let run: LocalRun;

  before(async () => {
    run = await runLocally(small('prefill', changes));
  });
  after(() => {
    folder.remove();
  });

  /** The digest after one rank's record was changed; the run itself is not touched. */
  function digestAfter(change: (timeline: RankTimeline, operations: RankRecord) => void): string {
    const timelines = run.timelines.map((timeline) => decodeTimeline(encodeTimeline(timeline)));
    const records = run.records.map((record) => decodeRecord(encodeRecord(record)));
    change(timelines[RANK], records[RANK]);
    return digestOf(run.program, timelines, records);
  }

  it('is that of the run when nothing is changed', () => {
    expect(digestAfter(() => undefined)).to.equal(run.digest);
  });

  for (const column of ['startNs', 'endNs', 'stream', 'operation'] as const) {
    it(`changes when the ${column} of one event differs by 1`, () => {
      const digest = digestAfter(({ events }) => {
        events.column(column)[Math.floor(events.count / 2)] += 1;
      });
      expect(digest).not.to.equal(run.digest);
    });
  }

  it('changes when one event has another name', () => {
    const digest = digestAfter(({ events }) => {
      const kernels = events.column('kernel');
      const other = run.program.kernels.findIndex(({ name }) => name !== run.program.kernels[kernels[0]].name);
      kernels[0] = other;
    });
    expect(digest).not.to.equal(run.digest);
  });

  for (const column of ['startNs', 'endNs', 'bytes'] as const) {
    it(`changes when the ${column} of one port service differs by 1`, () => {
      const digest = digestAfter(({ services }) => {
        services.column(column)[services.count - 1] += 1;
      });
      expect(digest).not.to.equal(run.digest);
    });
  }

  it('changes when one expert received another list of tokens', () => {
    const digest = digestAfter((_timeline, { expertHashes }) => {
      expertHashes.column('word7')[expertHashes.count - 1] += 1;
    });
    expect(digest).not.to.equal(run.digest);
  });

  it('is refused for ranks out of order', () => {
    const [first, second, ...rest] = run.timelines;
    expect(() => digestOf(run.program, [second, first, ...rest], run.records)).to.throw(/in order/);
  });

  it('leaves out fabric, ranks per worker, payload, threads, pace and output options', async () => {
    const others = [
      small('prefill', { ...changes, fabric: 'websocket', ranksPerWorker: 4, threads: 2, pace: 10 }),
      small('prefill', { ...changes, payload: { kind: 'float32', hidden: 32 }, threads: 3 }),
      small('prefill', { ...changes, payload: { kind: 'none' }, ranksPerWorker: 1, stallTimeoutSeconds: 7 }),
    ];
    for (const configuration of others) {
      const outcome = await runScenario({ configuration, out: folder.fresh('other-name') });
      expect(digestOfOutcome(outcome)).to.equal(run.digest);
    }
  });

  it('changes with what virtual time depends on', async () => {
    const others = [
      { jitter: 0.006 },
      { slowRanks: [{ rank: 3, factor: 1.01 }] },
      { kvLength: 4096, routing: 'statistical' },
    ];
    const digests = await Promise.all(
      others.map(
        async (other) =>
          (await runLocally(small('prefill', { ...changes, ...other, payload: { kind: 'none' } }))).digest,
      ),
    );
    expect(new Set([run.digest, ...digests]).size).to.equal(4);
  });
});
