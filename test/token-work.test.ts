import { resolveConfiguration } from '@epemu/config';
import type { Configuration, ScheduleTemplate } from '@epemu/config';
import { BadInputError } from '@epemu/core';
import { runInMemory } from '@epemu/experiments';
import { addNumerics, emptyNumerics } from '@epemu/rank';
import type { NumericsTotals } from '@epemu/rank';
import { buildProgram } from '@epemu/schedule';
import type { Operation, Program } from '@epemu/schedule';
import { expect } from 'chai';
import { small } from './support/configuration.js';

type Phase = ScheduleTemplate['phases'][number];

/** @returns prefill with its phases changed. */
function withPhases(scenario: 'prefill' | 'decode' | 'train', change: (phases: Phase[]) => Phase[]): Configuration {
  const { schedule } = small(scenario);
  const file = {
    scenario,
    ranks: 8,
    layers: 2,
    schedule: { ...schedule, phases: change(structuredClone(schedule.phases)) },
  };
  return resolveConfiguration({ scenario: file });
}

/** @returns why a schedule is refused. */
function refusal(configuration: Configuration): string {
  try {
    buildProgram(configuration);
  } catch (error) {
    expect(error).to.be.instanceOf(BadInputError);
    return (error as Error).message;
  }
  throw new Error('the schedule was not refused');
}

/** Runs a program, whatever it does to tokens, on every rank in this process. @returns what the checks found. */
async function numericsOf(configuration: Configuration, program: Program): Promise<NumericsTotals> {
  const { numerics } = await runInMemory(configuration, undefined, program);
  const totals = emptyNumerics();
  for (const found of numerics) addNumerics(totals, found);
  return totals;
}

const without =
  (...names: string[]) =>
  (phases: Phase[]): Phase[] =>
    phases
      .filter(({ name }) => !names.includes(name))
      .map((phase) => ({
        ...phase,
        after: phase.after.filter((gate) => !names.includes(gate.replace(/@-1$/, ''))),
      }));

describe('a schedule that does not do what the model does', () => {
  it('is refused without its combine, its dispatch, its experts, its router or its shared expert', () => {
    expect(refusal(withPhases('prefill', without('COMBINE(0)')))).to.equal(
      'in layer 0, micro-batch 0, no phase brings the results of the experts back (a combine); add one, so that the ' +
        'schedule computes what the model does',
    );
    expect(refusal(withPhases('prefill', without('DISPATCH(1)', 'MLP(1)', 'COMBINE(1)')))).to.match(
      /^in layer 0, micro-batch 1, no phase sends its tokens to the experts \(a dispatch\)/,
    );
    expect(refusal(withPhases('prefill', without('MLP(0)')))).to.match(/no phase applies the experts/);
    expect(refusal(withPhases('prefill', without('SHARED(1)')))).to.match(/no phase applies the shared expert/);
    expect(refusal(withPhases('decode', without('wait COMBINE(0)')))).to.match(/waits for the results of its combine/);
    const noRouter = (phases: Phase[]): Phase[] =>
      phases.map((phase) => (phase.name === 'ATTN(0)' ? { ...phase, tokens: ['attend'] } : phase));
    expect(refusal(withPhases('prefill', noRouter))).to.match(/no phase routes \(tokens: \[route\]\)/);
  });

  it('is refused where it sends tokens to the experts, or brings them back, twice in a layer', () => {
    const doubled = (phases: Phase[]): Phase[] =>
      phases.flatMap((phase) =>
        phase.name === 'DISPATCH(0)' ? [phase, { ...phase, name: 'AGAIN(0)', after: ['DISPATCH(0)'] }] : [phase],
      );
    expect(refusal(withPhases('prefill', doubled))).to.equal(
      'in layer 0, micro-batch 0, phase DISPATCH(0) sends its tokens to the experts (a dispatch), and so does phase ' +
        'AGAIN(0); remove one of them',
    );
  });

  it('is refused where a phase is not behind what it works on', () => {
    const loose = (name: string, gate: string) =>
      withPhases('prefill', (phases) =>
        phases.map((phase) =>
          phase.name === name ? { ...phase, after: phase.after.filter((other) => other !== gate) } : phase,
        ),
      );
    expect(refusal(loose('DISPATCH(1)', 'ATTN(1)'))).to.equal(
      'phase DISPATCH(1) in layer 0, micro-batch 1 needs what ATTN(1) of layer 0 makes of the tokens, but nothing puts ' +
        'ATTN(1) before it; add it to its after',
    );
    expect(refusal(loose('ATTN(1)', 'COMBINE(1)@-1'))).to.match(
      /^phase ATTN\(1\) in layer 1.* needs what COMBINE\(1\) of layer 0/,
    );
    const ungated = withPhases('train', (phases) =>
      phases.map((phase) => (phase.name === 'dispatch(B)' ? { ...phase, after: ['dispatch(F)'] } : phase)),
    );
    expect(refusal(ungated)).to.match(/^phase dispatch\(B\) in layer 1, micro-batch 1, backward needs what mlp\(B\)/);
  });
});

describe('what a run’s numerics vouch for', () => {
  const changedIn = (
    program: Program,
    wanted: (operation: Operation) => boolean,
    tokens: Operation['tokens'],
  ): Program => {
    expect(program.operations.some(wanted)).to.equal(true);
    return { ...program, operations: program.operations.map((o) => (wanted(o) ? { ...o, tokens } : o)) };
  };

  for (const scenario of ['prefill', 'decode', 'train'] as const) {
    it(`is the whole way of the tokens in ${scenario}: one of each rank and micro-batch goes through all layers`, async () => {
      const configuration = small(scenario);
      const program = buildProgram(configuration);
      const { chainsChecked, wrong, maxRelativeError } = await numericsOf(configuration, program);
      const chains = scenario === 'train' ? 3 : 2;
      expect({ chainsChecked, wrong }).to.deep.equal({ chainsChecked: configuration.ranks * chains, wrong: 0 });
      expect(maxRelativeError).to.be.within(1e-9, 1e-4);
    });
  }

  it('fails where a program leaves out a shared expert between the layers that are compared one by one', async () => {
    const configuration = small('prefill', { layers: 4 });
    const wanted = ({ phase, layer }: Operation): boolean => phase === 'SHARED(0)' && layer === 1;
    const program = changedIn(buildProgram(configuration), wanted, []);
    // Nobody waits for what is not computed: the sum is the attended token and what came back.
    expect((await numericsOf(configuration, program)).wrong).to.equal(configuration.ranks);
  });

  it('fails where a program applies a dense MLP that the model has not', async () => {
    const configuration = small('decode', { layers: 3 });
    const wanted = ({ phase, layer }: Operation): boolean => phase === 'SHARED(1)' && layer === 1;
    const program = changedIn(buildProgram(configuration), wanted, ['shared', 'dense']);
    expect((await numericsOf(configuration, program)).wrong).to.be.above(0);
  });
});
