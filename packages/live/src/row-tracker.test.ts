import { resolveConfiguration } from '@epemu/config';
import { buildProgram } from '@epemu/schedule';
import { expect } from 'chai';
import fc from 'fast-check';
import { throughputOf } from '@epemu/outputs';
import { madeRun, moveOf } from './fixtures.test-helper.js';
import { paceOf } from './pace.js';
import { RowTracker } from './row-tracker.js';

const RANKS = 3;

describe('lag and layer times', () => {
  it('a rank’s lag is the end of its compute of the last row that all have ended, after that of the earliest', () => {
    const { program } = madeRun('decode', { ranks: 2, layers: 4 });
    const rows = new RowTracker(program, 2);
    const compute = program.operations.filter(({ kind, row }) => kind === 'compute' && row === 0);
    const [first, ...rest] = compute;
    for (const { id } of compute) rows.note({ rank: 0, operation: id, background: false, startNs: 0, endNs: 500 });
    rows.note({ rank: 1, operation: first.id, background: false, startNs: 0, endNs: 900 });
    expect(rows.last).to.equal(undefined);
    for (const { id } of rest) rows.note({ rank: 1, operation: id, background: false, startNs: 0, endNs: 800 });
    expect(rows.last).to.deep.equal({ row: 0, layer: 0, lagNs: [0, 400] });
    expect(rows.meanLagsNs()).to.deep.equal([0, 400]);
  });

  it('communication, transfers and warm-up cells are not in it', () => {
    const { program } = madeRun('train', { ranks: 2, layers: 2, tokensPerMicrobatch: 32 });
    const rows = new RowTracker(program, 2);
    for (const { id, kind } of program.operations) {
      if (kind !== 'compute') rows.note({ rank: 0, operation: id, background: false, startNs: 0, endNs: 1e9 });
      for (const rank of [0, 1]) {
        rows.note({ rank, operation: id, background: true, startNs: 0, endNs: 1e9 });
        if (kind === 'compute') rows.note({ rank, operation: id, background: false, startNs: 0, endNs: 5 });
      }
    }
    expect(rows.last).to.deep.equal({ row: 1, layer: 1, lagNs: [0, 0] });
    expect(rows.rows).to.equal(2);
  });

  it('come out the same in whatever order ranks report', () => {
    const { program } = madeRun('prefill', { ranks: RANKS + 1, layers: 3, promptLengths: [32, 32] });
    const ranks = RANKS + 1;
    const all = program.operations.flatMap(({ id }) =>
      Array.from({ length: ranks }, (_, rank) => moveOf(rank, id, (rank * 7) % 5)),
    );
    const inOrder = new RowTracker(program, ranks);
    for (const move of all) inOrder.note(move);
    expect(inOrder.rows).to.equal(4);
    fc.assert(
      fc.property(fc.shuffledSubarray(all, { minLength: all.length }), (moves) => {
        const rows = new RowTracker(program, ranks);
        for (const move of moves) rows.note(move);
        expect(rows.last).to.deep.equal(inOrder.last);
        expect(rows.meanLagsNs()).to.deep.equal(inOrder.meanLagsNs());
        expect(rows.layerTimes()).to.deep.equal(inOrder.layerTimes());
      }),
      { numRuns: 50 },
    );
  });

  it('the pace has the report’s throughput when layers are alike', () => {
    const { program, configuration } = madeRun('decode', { ranks: 2, layers: 6 });
    const rows = new RowTracker(program, 2);
    for (const { id } of program.operations) for (const rank of [0, 1]) rows.note(moveOf(rank, id));
    // 16 operations of 1 µs each.
    expect(rows.layerTimes().map(({ us }) => us)).to.deep.equal([16, 16, 16, 16, 16]);
    const layerTimes = Array.from({ length: 6 }, (_, layer) => ({ layer, dense: false, us: 16 }));
    const figures = { timeline: { spanUs: 96 }, steady: { layerUs: { mean: 16, min: 16, max: 16 } }, layerTimes };
    const expected = throughputOf(configuration, figures as unknown as Parameters<typeof throughputOf>[1]);
    const pace = paceOf(configuration, rows)!;
    expect(pace).to.include({ layerUs: 16, layers: 4 });
    expect(pace.tokensPerSecondPerGpu).to.equal(expected.tokensPerSecondPerGpu);
    expect(pace.tokensPerSecondPerNode).to.equal(expected.tokensPerSecondPerNode);
  });

  it('the pace of a whole-model run counts dense layers as what they take', () => {
    const { program, configuration } = madeRun('train', { ranks: 2, layers: 61, tokensPerMicrobatch: 32 });
    const rows = new RowTracker(program, 2);
    for (const { id, recorded } of program.operations)
      if (recorded) for (const rank of [0, 1]) rows.note(moveOf(rank, id));
    const times = rows.layerTimes();
    expect(times.slice(0, 4).map(({ dense }) => dense)).to.deep.equal([true, true, true, false]);
    const pace = paceOf(configuration, rows)!;
    const denseUs = times.filter(({ dense }) => dense).reduce((sum, { us }) => sum + us, 0);
    const stepUs = pace.layerUs * 58 + denseUs;
    expect(pace.tokensPerSecondPerGpu).to.equal(Number(((32 * 1e6) / stepUs).toFixed(1)));
  });

  it('layers that roles share out know no throughput before their end', () => {
    const configuration = resolveConfiguration({ scenario: 'examples/two-stage-pipeline.yaml' });
    const program = buildProgram(configuration);
    const rows = new RowTracker(program, configuration.ranks);
    for (const { ranks, firstOperation, operationCount } of program.roles) {
      for (const rank of ranks) {
        for (let id = firstOperation; id < firstOperation + operationCount; id++) rows.note(moveOf(rank, id));
      }
    }
    expect(paceOf(configuration, rows)).to.include({ tokensPerSecondPerGpu: null, tokensPerSecondPerNode: null });
  });

  it('training without overlap knows no throughput before its end', () => {
    const { program, configuration } = madeRun('train', {
      ranks: 2,
      layers: 4,
      overlap: 'none',
      tokensPerMicrobatch: 32,
    });
    const rows = new RowTracker(program, 2);
    for (const { id } of program.operations) for (const rank of [0, 1]) rows.note(moveOf(rank, id));
    expect(paceOf(configuration, rows)?.tokensPerSecondPerGpu).to.equal(null);
  });
});
