import { resolveConfiguration } from '@epemu/config';
import { expect } from 'chai';
import { buildProgram } from './expand.js';
import type { Program } from './program.js';

const SCENARIOS = ['train', 'prefill', 'decode'];

function programOf(scenario: string, flags: Record<string, unknown> = {}): Program {
  return buildProgram(resolveConfiguration({ scenario, flags }));
}

/** Phases, by the stream that their kernels run on, each once and sorted. */
function phasesByStream({ operations }: Program): Record<number, string[]> {
  const phases: Record<number, Set<string>> = {};
  for (const { phase, stream, kernels } of operations) {
    for (const kernel of kernels) (phases[kernel.stream ?? stream] ??= new Set()).add(phase);
  }
  return Object.fromEntries(Object.entries(phases).map(([stream, names]) => [stream, [...names].sort()]));
}

describe('streams of a program', () => {
  it('are 7, 23 and 27 in training, and only mlp(W) has kernels on 23', () => {
    expect(phasesByStream(programOf('train'))).to.deep.equal({
      7: ['attn(B)', 'attn(F)', 'attn(W)', 'mlp(B)', 'mlp(F)', 'mlp(W)'],
      23: ['mlp(W)'],
      27: ['combine(B)', 'combine(F)', 'dispatch(B)', 'dispatch(F)'],
    });
  });

  it('leave no kernel on 23 in the mlp(W) of a dense layer', () => {
    const dense = programOf('train', { layers: 61 }).operations.filter(
      (operation) => operation.phase === 'mlp(W)' && operation.dense,
    );
    expect(dense.map(({ layer }) => layer)).to.deep.equal([2, 1, 0]);
    for (const { kernels } of dense) expect(kernels.every(({ stream }) => stream === undefined)).to.equal(true);
  });

  it('are compute and communication in prefill, and compute alone in decode', () => {
    expect(phasesByStream(programOf('prefill'))).to.deep.equal({
      7: ['ATTN(0)', 'ATTN(1)', 'MLP(0)', 'MLP(1)', 'SHARED(0)', 'SHARED(1)'],
      27: ['COMBINE(0)', 'COMBINE(1)', 'DISPATCH(0)', 'DISPATCH(1)'],
    });
    expect(Object.keys(phasesByStream(programOf('decode')))).to.deep.equal(['7']);
  });

  it('are all listed, ascending, and no kernel runs on another', () => {
    for (const scenario of SCENARIOS) {
      const program = programOf(scenario);
      const listed = program.streams.map(({ id }) => id);
      expect(listed).to.deep.equal([...listed].sort((a, b) => a - b));
      expect(Object.keys(phasesByStream(program)).map(Number)).to.deep.equal(listed);
    }
  });

  it('let a kernel of another stream wait only for an earlier one of its own operation', () => {
    for (const { kernels } of programOf('train').operations) {
      kernels.forEach(({ after }, index) => {
        if (after !== undefined) expect(after).to.be.within(0, index - 1);
      });
    }
  });
});

describe('kernels of a program', () => {
  it('are listed once each, and each is used', () => {
    for (const scenario of SCENARIOS) {
      const { kernels, operations } = programOf(scenario);
      expect(new Set(kernels.map((kernel) => JSON.stringify(kernel))).size).to.equal(kernels.length);
      const used = new Set(operations.flatMap((operation) => operation.kernels.map(({ kernel }) => kernel)));
      expect([...used].sort((a, b) => a - b)).to.deep.equal(kernels.map((_, index) => index));
    }
  });

  it('hold one transfer for each operation that moves bytes, and its notify before it in the normal mode', () => {
    for (const scenario of SCENARIOS) {
      for (const { collective, kernels, phase } of programOf(scenario).operations) {
        const roles = kernels.flatMap(({ role }) => role ?? []);
        const normal = collective?.mode === 'normal';
        expect(roles, phase).to.deep.equal(
          collective === undefined ? [] : normal ? ['notify', 'transfer'] : ['transfer'],
        );
      }
    }
  });
});
