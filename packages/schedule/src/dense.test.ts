import { resolveConfiguration } from '@epemu/config';
import { expect } from 'chai';
import { buildProgram } from './expand.js';
import type { Program } from './program.js';

function wholeModel(scenario: string): Program {
  return buildProgram(resolveConfiguration({ scenario, flags: { layers: 61 } }));
}

/** Gates of the operations of one row, by phase and layer. */
function gatesOfRow(program: Program, row: number): Record<string, string[]> {
  const name = (id: number): string => `${program.operations[id].phase} ${program.operations[id].layer}`;
  const operations = program.operations.filter((operation) => operation.row === row);
  return Object.fromEntries(operations.map(({ id, gates }) => [name(id), gates.map(name)]));
}

describe('dense layers of a whole model', () => {
  it('have no communication, and their MLP is another', () => {
    for (const [scenario, mlp] of [
      ['train', 'mlp(F)'],
      ['prefill', 'MLP(0)'],
      ['decode', 'MLP(0)'],
    ]) {
      const program = wholeModel(scenario);
      const dense = program.operations.filter((operation) => operation.dense);
      expect([...new Set(dense.map(({ kind }) => kind))]).to.deep.equal(['compute']);
      expect([...new Set(dense.map(({ layer }) => layer))].sort()).to.deep.equal([0, 1, 2]);
      const lists = (layer: number): string[] =>
        program.operations
          .filter((operation) => operation.layer === layer && operation.phase === mlp)
          .map(({ list }) => list);
      expect(lists(2)).not.to.deep.equal(lists(3));
    }
  });

  it('pass gates through their absent phases on to what these wait for: prefill', () => {
    expect(gatesOfRow(wholeModel('prefill'), 1)).to.deep.equal({
      'ATTN(1) 1': ['MLP(1) 0', 'ATTN(1) 0'].reverse(),
      'ATTN(0) 1': ['ATTN(0) 0', 'MLP(0) 0', 'ATTN(1) 1'],
      'MLP(1) 1': ['ATTN(1) 1'],
      'MLP(0) 1': ['ATTN(0) 1'],
    });
  });

  it('pass gates through their absent phases on to what these wait for: decode', () => {
    expect(gatesOfRow(wholeModel('decode'), 1)).to.deep.equal({
      'ATTN-0(1) 1': ['ATTN-1(1) 0', 'MLP(1) 0'],
      'MLP(0) 1': ['ATTN-1(0) 1'],
      'ATTN-1(1) 1': ['ATTN-0(1) 1'],
      'ATTN-0(0) 2': ['ATTN-1(0) 1', 'MLP(0) 1'],
      'MLP(1) 1': ['ATTN-1(1) 1'],
      'ATTN-1(0) 2': ['ATTN-0(0) 2'],
    });
  });

  it('meet MoE layers on the way back in a training cell, and gates cross over', () => {
    // Cell 1: forward layer 1 is dense, backward layer 59 is not.
    expect(gatesOfRow(wholeModel('train'), 1)).to.deep.equal({
      'combine(B) 59': ['dispatch(B) 60', 'mlp(F) 0', 'attn(B) 60'],
      'attn(F) 1': ['dispatch(B) 60', 'mlp(F) 0', 'attn(W) 60'],
      'mlp(B) 59': ['combine(B) 59', 'attn(F) 1'],
      'dispatch(B) 59': ['combine(B) 59', 'attn(F) 1', 'mlp(B) 59'],
      'mlp(W) 59': ['mlp(B) 59'],
      'mlp(F) 1': ['combine(B) 59', 'attn(F) 1', 'mlp(W) 59'],
      'attn(B) 59': ['dispatch(B) 59', 'mlp(F) 1'],
      'attn(W) 59': ['attn(B) 59'],
    });
  });
});
