import { analyze, compare, sideOfTraces } from '@epemu/analysis';
import type { AnalysedSet, Analysis } from '@epemu/analysis';
import { runInMemory } from '@epemu/experiments';
import { expect } from 'chai';
import { asCaptured, withFieldNames, writeTraces } from './support/analysed.js';
import type { TraceChange } from './support/analysed.js';
import { small } from './support/configuration.js';
import { TemporaryFolder } from './support/temporary.js';

/** All figures; kernels have other names, which is the point, and files are elsewhere. */
function figures(analysis: Analysis): unknown {
  const problems = analysis.problems.map(({ message, partial }) => ({ message, partial }));
  const criticalPath = { ...analysis.criticalPath, byKernel: [] };
  return { ...analysis, files: [], problems, kernelNames: [], criticalPath };
}

const unnamed: TraceChange = (trace) => {
  trace.traceEvents = trace.traceEvents.filter(({ cat = '' }) => !cat.includes('annotation') && cat !== 'network');
};

describe('captures of low latency, whose halves have one name', () => {
  const temporary = new TemporaryFolder();
  after(() => {
    temporary.remove();
  });

  for (const [what, overrides] of [
    ['a run', {}],
    ['a run with a slow rank', { slowRanks: [{ rank: 5, factor: 2 }] }],
  ] as const) {
    for (const [clocks, offsets] of [
      ['one clock', undefined],
      ['clocks of their own', Array.from({ length: 16 }, (_, rank) => (rank * 7919) % 50_000)],
    ] as const) {
      it(`have the figures of ${what} with explicit halves, on ${clocks}`, async () => {
        const run = await runInMemory(small('decode', overrides));
        const analysed = async (...changes: TraceChange[]): Promise<AnalysedSet> => {
          const all: TraceChange = (trace, rank) => {
            for (const change of changes) change(trace, rank);
          };
          return analyze(await writeTraces(run, temporary.fresh(), all));
        };
        const [explicit, field] = [
          await analysed(asCaptured(offsets), unnamed),
          await analysed(asCaptured(offsets), withFieldNames),
        ];
        expect(explicit.analysis.collectives).not.to.be.empty;
        expect(figures(field.analysis)).to.deep.equal(figures(explicit.analysis));
        const halves = field.analysis.kernelNames.filter(({ name }) => name.includes('internode_ll'));
        expect(halves.map(({ name }) => name).sort()).to.deep.equal([
          'deep_ep::internode_ll::combine [receive]',
          'deep_ep::internode_ll::combine [send]',
          'deep_ep::internode_ll::dispatch [receive]',
          'deep_ep::internode_ll::dispatch [send]',
        ]);
      });
    }
  }

  it('do not differ from traces of one run that name halves, kernel by kernel', async () => {
    const [a, b] = await Promise.all(
      (['nccl', 'deepep'] as const).map(async (kernelNames) => {
        const paths = await writeTraces(await runInMemory(small('decode', { kernelNames })), temporary.fresh());
        return sideOfTraces(kernelNames, await analyze(paths));
      }),
    );
    const { kernels, kernelClasses, collectives, changes } = compare(a, b);
    expect(changes).to.deep.equal([]);
    for (const { name, aCount, bCount, differenceUs } of [...kernels, ...kernelClasses]) {
      expect([bCount, differenceUs], name).to.deep.equal([aCount, 0]);
    }
    expect(kernels.map(({ name }) => name)).to.include.members(['internode_ll::dispatch', 'internode_ll::combine']);
    for (const { differenceUs, role } of collectives!) expect(differenceUs, role).to.equal(0);
  });

  it('do not differ from those with annotations, whose layers are of all micro-batches', async () => {
    const run = await runInMemory(small('decode'));
    const named = await analyze(await writeTraces(run, temporary.fresh(), asCaptured()));
    const bare: TraceChange = (trace, rank) => {
      asCaptured()(trace, rank);
      withFieldNames(trace);
    };
    const inferred = await analyze(await writeTraces(run, temporary.fresh(), bare));
    expect(inferred.analysis.layers.count).not.to.equal(named.analysis.layers.count);
    const { basis, decomposition } = compare(sideOfTraces('named', named), sideOfTraces('inferred', inferred));
    expect([basis.unit, decomposition.differencePct]).to.deep.equal(['span', 0]);
  });
});
