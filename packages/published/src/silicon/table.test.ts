import { InvariantError } from '@epemu/core';
import { expect } from 'chai';
import { KERNEL_TABLES, kernelTable, parseSiliconTable } from './table.js';

const TEXT = `# Products of matrices.
# Source: nobody
gpu,n,m=16,m=32
h100,512,2.5,
b200,512,1.25,1.5
`;

describe('a table of measured times', () => {
  it('has a row for each time that was measured, with the size of its column', () => {
    const { about, rows } = parseSiliconTable(TEXT, 'test.csv');
    expect(about).to.equal('Products of matrices. Source: nobody');
    expect(rows).to.deep.equal([
      { keys: { gpu: 'h100', n: '512', m: '16' }, us: 2.5 },
      { keys: { gpu: 'b200', n: '512', m: '16' }, us: 1.25 },
      { keys: { gpu: 'b200', n: '512', m: '32' }, us: 1.5 },
    ]);
  });

  it('names the line that is no row', () => {
    expect(() => parseSiliconTable(`${TEXT}gb200,512,1\n`, 'test.csv')).to.throw(InvariantError, 'line 6, has 3 cells');
    expect(() => parseSiliconTable(`${TEXT}gb200,512,1,x\n`, 'test.csv')).to.throw('line 6, has x where a time stands');
  });
});

describe('the tables of kernels', () => {
  it('have the rows that were extracted, each with its source', () => {
    const counts = KERNEL_TABLES.map((name) => [name, kernelTable(name).rows.length]);
    expect(Object.fromEntries(counts)).to.deep.equal({
      ...{ gemm: 5456, 'mla-context': 1140, 'mla-generation': 1387 },
      ...{ 'mla-bmm': 2248, 'moe-context': 531, 'moe-generation': 416 },
    });
    for (const name of KERNEL_TABLES) expect(kernelTable(name).about).to.include('aiconfigurator');
  });
});
