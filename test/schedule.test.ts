import { expect } from 'chai';
import { microBatchesOf, resolveConfiguration } from '@epemu/config';
import { buildProgram, inPort, outPort } from '@epemu/schedule';
import type { Operation, Program } from '@epemu/schedule';
import { ProgramFacts, viewOfTimeline } from '@epemu/timeline';
import { SCENARIOS, small, smallFlags } from './support/configuration.js';
import type { ScenarioName } from './support/configuration.js';
import { runLocally } from './support/local-run.js';
import type { LocalRun } from './support/local-run.js';
import { earlyStarts, gatesOf, rowOf, selfOverlaps, spansOf } from './support/phases.js';

const TINY = { ranks: 8, payload: { kind: 'none' } };
const [COMPUTE, COMPUTE_2, COMMUNICATION] = [7, 23, 27];

/** Phases of a row in launch order, as section 3 of the design lists them. */
const ROWS: Record<ScenarioName, Record<number, string[]>> = {
  train: {
    [COMPUTE]: ['attn(F)', 'mlp(B)', 'mlp(W)', 'mlp(F)', 'attn(B)', 'attn(W)'],
    [COMMUNICATION]: ['combine(B)', 'dispatch(F)', 'dispatch(B)', 'combine(F)'],
  },
  prefill: {
    [COMPUTE]: ['ATTN(1)', 'SHARED(0)', 'ATTN(0)', 'MLP(1)', 'MLP(0)', 'SHARED(1)'],
    [COMMUNICATION]: ['COMBINE(0)', 'DISPATCH(1)', 'DISPATCH(0)', 'COMBINE(1)'],
  },
  decode: {
    [COMPUTE]: [
      'issue DISPATCH(0)',
      'SHARED(0)',
      'ATTN-0(1)',
      'wait DISPATCH(0)',
      'MLP(0)',
      'issue COMBINE(0)',
      'ATTN-1(1)',
      'wait COMBINE(0)',
      'issue DISPATCH(1)',
      'SHARED(1)',
      'ATTN-0(0)',
      'wait DISPATCH(1)',
      'MLP(1)',
      'issue COMBINE(1)',
      'ATTN-1(0)',
      'wait COMBINE(1)',
    ],
  },
};

/** Gates within a row, as section 3 lists them; `@-1` is the row or layer before. */
const GATES: Partial<Record<ScenarioName, Record<string, string[]>>> = {
  train: {
    'mlp(B)': ['attn(F)', 'combine(B)'],
    'dispatch(F)': ['attn(F)', 'combine(B)'],
    'dispatch(B)': ['mlp(B)', 'dispatch(F)'],
    'mlp(W)': ['mlp(B)'],
    'mlp(F)': ['mlp(W)', 'dispatch(F)'],
    'attn(B)': ['mlp(F)', 'dispatch(B)'],
    'combine(F)': ['mlp(F)', 'dispatch(B)'],
    'attn(W)': ['attn(B)'],
    'combine(B)': ['attn(B)@-1', 'combine(F)@-1'],
    'attn(F)': ['attn(W)@-1', 'combine(F)@-1'],
  },
  prefill: {
    'DISPATCH(0)': ['ATTN(0)'],
    'DISPATCH(1)': ['ATTN(1)'],
    'SHARED(0)': ['ATTN(0)'],
    'SHARED(1)': ['ATTN(1)'],
    'MLP(0)': ['DISPATCH(0)'],
    'MLP(1)': ['DISPATCH(1)'],
    'COMBINE(0)': ['MLP(0)'],
    'COMBINE(1)': ['MLP(1)'],
    'ATTN(0)': ['ATTN(1)', 'COMBINE(0)@-1', 'SHARED(0)@-1'],
    'ATTN(1)': ['COMBINE(1)@-1', 'SHARED(1)@-1'],
  },
};

/** Training counts gates by cell, inference by layer: rows lag there. */
const stepIn =
  (scenario: ScenarioName) =>
  (operation: Operation): number =>
    scenario === 'train' ? operation.row : operation.layer;

function phasesOfRow(program: Program, row: number): string[] {
  return program.operations.filter((operation) => operation.row === row).map(({ phase }) => phase);
}

describe('schedule on the timeline', () => {
  for (const scenario of SCENARIOS) {
    for (const overlap of ['full', 'none']) {
      for (const layers of [1, 4, 61]) {
        describe(`${scenario}, overlap ${overlap}, ${layers} layers`, () => {
          let run: LocalRun;
          before(async () => {
            run = await runLocally(small(scenario, { ...TINY, overlap, layers }));
          });

          it('no phase starts before the end of any of its gates', () => {
            expect(run.timelines.flatMap((timeline) => earlyStarts(run.program, timeline))).to.deep.equal([]);
          });

          it('no stream overlaps itself', () => {
            expect(run.timelines.flatMap(selfOverlaps)).to.deep.equal([]);
          });

          it('streams run their phases in launch order', () => {
            for (const timeline of run.timelines) {
              const spans = spansOf(timeline);
              for (const { id } of run.program.streams) {
                const starts = run.program.operations
                  .filter(({ stream, recorded }) => stream === id && recorded)
                  .map((operation) => spans.get(operation.id)?.startNs ?? Number.NaN);
                expect(starts).to.deep.equal([...starts].sort((a, b) => a - b));
              }
            }
          });

          it('stream 23 is used in mlp(W) only', () => {
            const phases = run.timelines.flatMap(({ events }) => {
              const operations = events.column('operation');
              const on23 = [...operations].filter((_, i) => events.column('stream')[i] === COMPUTE_2);
              return on23.map((id) => run.program.operations[id]);
            });
            const used = new Set(phases.filter(({ dense }) => !dense).map(({ phase }) => phase));
            expect([...used]).to.deep.equal(scenario === 'train' ? ['mlp(W)'] : []);
          });

          it('a dense layer has compute phases and no communication', () => {
            const dense = run.program.operations.filter((operation) => operation.dense);
            expect(new Set(dense.map(({ layer }) => layer)).size).to.equal(layers === 61 ? 3 : 0);
            expect(dense.every(({ kind }) => kind === 'compute')).to.equal(true);
            const layersWithTokens = new Set(run.timelines[0].receipts.column('layer'));
            expect(layersWithTokens.size).to.equal(layers === 61 ? 58 : layers);
          });

          if (overlap === 'none') {
            it('no communication is hidden behind computation', () => {
              const facts = new ProgramFacts(run.program, 1);
              for (const timeline of run.timelines) {
                const view = viewOfTimeline(timeline, facts, run.timelines.length);
                expect(view.figures(true).overlapNs).to.equal(0);
              }
            });
          }
        });
      }
    }
  }
});

describe('the checks of this file', () => {
  it('notice a phase that starts before its gate, or on top of the one before it', async () => {
    const { program, timelines } = await runLocally(small('train', { ...TINY, layers: 1 }));
    const [timeline] = timelines;
    const { events } = timeline;
    const row = [...events.column('operation')].findIndex((id) => program.operations[id].phase === 'mlp(F)');
    events.column('startNs')[row] -= 1_000_000;
    expect(earlyStarts(program, timeline)).not.to.be.empty;
    expect(selfOverlaps(timeline)).not.to.be.empty;
  });
});

describe('program of a running step', () => {
  for (const scenario of SCENARIOS) {
    const program = buildProgram(small(scenario, TINY));

    it(`a row of ${scenario} has the phases of its streams in the order listed`, () => {
      for (const [stream, phases] of Object.entries(ROWS[scenario])) {
        expect(rowOf(program, 2, Number(stream))).to.deep.equal(phases);
      }
      const listed = Object.values(ROWS[scenario]).flat().length;
      expect(phasesOfRow(program, 2)).to.have.length(listed);
    });

    const gates = GATES[scenario];
    if (gates !== undefined) {
      it(`a row of ${scenario} has the gates listed`, () => {
        for (const operation of program.operations.filter(({ row }) => row === 2)) {
          const found = gatesOf(program, operation, stepIn(scenario));
          expect(found, operation.phase).to.have.members(gates[operation.phase]);
        }
      });
    }
  }

  it('training records its cells and not a warm-up cell before them', () => {
    const warm = resolveConfiguration({
      scenario: 'train',
      flags: { ...smallFlags('train'), ...TINY },
      settings: ['schedule.warmUpRows=1'],
    });
    const { operations } = buildProgram(warm);
    expect([...new Set(operations.filter(({ recorded }) => !recorded).map(({ row }) => row))]).to.deep.equal([-1]);
    expect([...new Set(operations.filter(({ recorded }) => recorded).map(({ row }) => row))]).to.deep.equal([
      0, 1, 2, 3,
    ]);
  });

  it('cell c pairs forward layer c with backward layer L − 1 − c', () => {
    for (const { row, layer, direction } of buildProgram(small('train', TINY)).operations) {
      expect(layer).to.equal(direction === 'forward' ? row : 3 - row);
    }
  });

  it('prefill fills without the phases of a layer before and drains with those of the last', () => {
    const program = buildProgram(small('prefill', TINY));
    expect(phasesOfRow(program, 0)).not.to.include.members(['COMBINE(0)']).and.not.to.include.members(['SHARED(0)']);
    expect(phasesOfRow(program, 4)).to.have.members(['COMBINE(0)', 'SHARED(0)']);
    expect(phasesOfRow(program, 5)).to.deep.equal([]);
  });

  it('decode fills with ATTN-0(0) and ATTN-1(0), which the last layer omits', () => {
    const program = buildProgram(small('decode', TINY));
    expect(phasesOfRow(program, -1)).to.deep.equal(['ATTN-0(0)', 'ATTN-1(0)']);
    const last = ROWS.decode[COMPUTE].filter((phase) => !/^ATTN-.\(0\)$/.test(phase));
    expect(phasesOfRow(program, 3)).to.deep.equal(last);
  });
});

describe('prompts of unequal length', () => {
  let run: LocalRun;
  before(async () => {
    run = await runLocally(small('prefill', { ...TINY, promptLengths: [300, 100, 50] }));
  });

  it('are cut into micro-batches of equal attention work, the prefix in micro-batch 1', () => {
    const [second, first] = microBatchesOf(run.configuration);
    expect(first.tokens + second.tokens).to.equal(450);
    expect(Math.abs(first.attentionPairs - second.attentionPairs)).to.be.at.most(first.tokens);
    expect(first.pieces).to.have.length(1);
    expect(first.pieces[0]).to.include({ prompt: 0, start: 0 });
    expect(second.pieces[0]).to.include({ prompt: 0, start: first.pieces[0].length });
    expect(second.pieces.map(({ prompt }) => prompt)).to.deep.equal([0, 1, 2]);
  });

  it('let ATTN(0) wait for the keys and values of ATTN(1) of the same layer', () => {
    const { operations } = run.program;
    for (const operation of operations.filter(({ phase }) => phase === 'ATTN(0)')) {
      const before = operations.find(({ phase, layer }) => phase === 'ATTN(1)' && layer === operation.layer);
      expect(operation.gates).to.include(before?.id);
      for (const timeline of run.timelines) {
        const spans = spansOf(timeline);
        const end = spans.get(before?.id ?? -1)?.endNs;
        expect(spans.get(operation.id)?.startNs).to.be.at.least(end ?? Number.NaN);
      }
    }
  });

  it('of four equal prompts none is cut', () => {
    const batches = microBatchesOf(small('prefill', { promptLengths: [64, 64, 64, 64] }));
    expect(
      batches.map(({ pieces }) => pieces.map(({ prompt, start, length }) => [prompt, start, length])),
    ).to.deep.equal([
      [
        [2, 0, 64],
        [3, 0, 64],
      ],
      [
        [0, 0, 64],
        [1, 0, 64],
      ],
    ]);
  });
});

describe('pipeline communication', () => {
  for (const overlap of ['full', 'none']) {
    it(`adds PP(F) and PP(B) once, behind combine(F) and attn(B) of the last cell (overlap ${overlap})`, async () => {
      const configuration = small('train', { overlap, pipelineCommunication: true, payload: { kind: 'none' } });
      const run = await runLocally(configuration);
      const { operations } = run.program;
      const added = operations.filter(({ phase }) => phase.startsWith('PP'));
      expect(added.map(({ phase, stream }) => [phase, stream])).to.deep.equal([
        ['PP(F)', COMMUNICATION],
        ['PP(B)', COMMUNICATION],
      ]);
      const gates = added.map(({ gates: ids }) => ids.map((id) => operations[id]));
      const last = Math.max(...operations.filter(({ phase }) => phase === 'attn(B)').map(({ row }) => row));
      expect(gates.map((list) => list.map(({ phase }) => phase))).to.deep.equal([['combine(F)'], ['attn(B)']]);
      expect(gates[1][0].row).to.equal(last);
      if (overlap === 'full') expect(operations.slice(-2).map(({ phase }) => phase)).to.deep.equal(['PP(F)', 'PP(B)']);
      for (const { services } of run.timelines) {
        const ports = [...services.column('port')].filter((_, i) =>
          added.some(({ id }) => id === services.column('operation')[i]),
        );
        expect(ports.sort()).to.deep.equal([outPort(0), outPort(0), inPort(0), inPort(0)]);
      }
    });
  }

  it('is absent unless switched on', () => {
    const { operations } = buildProgram(small('train', TINY));
    expect(operations.some(({ phase }) => phase.startsWith('PP'))).to.equal(false);
  });
});
