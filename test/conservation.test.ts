import { expect } from 'chai';
import { microBatchesOf } from '@epemu/config';
import type { Configuration } from '@epemu/config';
import { inPort, outPort } from '@epemu/schedule';
import fc from 'fast-check';
import { SCENARIOS, small } from './support/configuration.js';
import { replayedDigest, runLocally } from './support/local-run.js';
import type { LocalRun } from './support/local-run.js';

const RUNS = 14;

/** Small configurations of every kind. */
const CONFIGURATIONS = fc
  .record({
    scenario: fc.constantFrom(...SCENARIOS),
    ranks: fc.constantFrom(1, 2, 4, 8, 16),
    layers: fc.integer({ min: 1, max: 3 }),
    routing: fc.constantFrom('balanced', 'statistical', 'biased', 'skewed'),
    overlap: fc.constantFrom('full', 'none'),
    tokens: fc.integer({ min: 1, max: 48 }),
    seed: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  })
  .map(({ scenario, tokens, ...rest }) => {
    const workload = scenario === 'prefill' ? { promptLengths: [tokens + 1, tokens] } : { tokensPerMicrobatch: tokens };
    return { scenario, changes: { ...rest, ...workload, ranksPerWorker: 1 } };
  });

/** Sums a rank column by key, over all ranks. */
function add(sums: Map<string, number>, key: string, value: number): void {
  sums.set(key, (sums.get(key) ?? 0) + value);
}

/** Bytes by operation and port, over all ranks. */
function portBytes(run: LocalRun, port: number): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { services } of run.timelines) {
    const [ports, operations, bytes] = (['port', 'operation', 'bytes'] as const).map((name) => services.column(name));
    ports.forEach((value, i) => {
      if (value === port) add(sums, String(operations[i]), bytes[i]);
    });
  }
  return sums;
}

function checkBytes(run: LocalRun): void {
  expect(portBytes(run, inPort(0)), 'RDMA').to.deep.equal(portBytes(run, outPort(0)));
  expect(portBytes(run, inPort(1)), 'NVLink').to.deep.equal(portBytes(run, outPort(1)));
}

/** Rows that headers announced: all of them per (layer, micro-batch), and equal to what the received lists hold. */
function checkRows(run: LocalRun, configuration: Configuration): void {
  const total = new Map<string, number>();
  const batches = microBatchesOf(configuration);
  run.timelines.forEach(({ receipts, rank }) => {
    const [layers, micro, rows, most] = (['layer', 'microBatch', 'expertRows', 'expertRowsMax'] as const).map((name) =>
      receipts.column(name),
    );
    const hashes = run.records[rank].expertHashes;
    const [ofLayer, ofMicro, ofRows] = (['layer', 'microBatch', 'rows'] as const).map((name) => hashes.column(name));
    layers.forEach((layer, i) => {
      const listed = [...ofRows].filter((_, j) => ofLayer[j] === layer && ofMicro[j] === micro[i]);
      expect(
        listed.reduce((sum, count) => sum + count, 0),
        'rows of the received lists',
      ).to.equal(rows[i]);
      expect(Math.max(...listed), 'rows of the fullest list').to.equal(most[i]);
      add(total, `${layer} ${micro[i]}`, rows[i]);
    });
  });
  expect(total.size, 'dispatches').to.be.greaterThan(0);
  for (const [key, rows] of total) {
    const { tokens } = batches[Number(key.split(' ')[1])];
    expect(rows, key).to.equal(tokens * configuration.model.topK * configuration.ranks);
  }
}

function checkNumerics(run: LocalRun): void {
  for (const { missing, duplicated, wrong, maxRelativeError } of run.numerics) {
    expect({ missing, duplicated, wrong }).to.deep.equal({ missing: 0, duplicated: 0, wrong: 0 });
    expect(maxRelativeError).to.be.lessThan(1e-4);
  }
  expect(run.numerics.reduce((sum, { tokensChecked }) => sum + tokensChecked, 0)).to.be.greaterThan(0);
}

describe('conservation', () => {
  it('bytes out are bytes in, rows add up, numerics hold and replay agrees, whatever the configuration', async () => {
    await fc.assert(
      fc.asyncProperty(CONFIGURATIONS, async ({ scenario, changes }) => {
        const configuration = small(scenario, changes);
        const run = await runLocally(configuration);
        checkBytes(run);
        checkRows(run, configuration);
        checkNumerics(run);
        expect(replayedDigest(run)).to.equal(run.digest);
      }),
      { numRuns: RUNS },
    );
  });
});
