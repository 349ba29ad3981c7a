import { resolveConfiguration } from '@epemu/config';
import { BadInputError } from '@epemu/core';
import { expect } from 'chai';
import { buildProgram } from './expand.js';
import type { Operation, Program } from './program.js';

function programOf(scenario: string, flags: Record<string, unknown> = {}): Program {
  return buildProgram(resolveConfiguration({ scenario, flags }));
}

/** How a test names an operation: its phase and its cell (training) or layer. */
type Name = (operation: Operation) => string;
const byCell: Name = ({ phase, row }) => `${phase} ${row}`;
const byLayer: Name = ({ phase, layer }) => `${phase} ${layer}`;

/** Launch order of the chosen operations, each with the names of its gates. */
function listed(program: Program, name: Name, choose: (operation: Operation) => boolean): [string, ...string[]][] {
  return program.operations
    .filter(choose)
    .map((operation) => [name(operation), ...operation.gates.map((id) => name(program.operations[id]))]);
}

function streamOrder(program: Program, stream: number, row: number): string[] {
  return program.operations.filter((op) => op.stream === stream && op.row === row).map(({ phase }) => phase);
}

describe('buildProgram: train', () => {
  const program = programOf('train');

  it('launches a cell in the published order and gates it as DualPipe does', () => {
    expect(listed(program, byCell, ({ row }) => row === 1)).to.deep.equal([
      ['combine(B) 1', 'attn(B) 0', 'combine(F) 0'],
      ['attn(F) 1', 'attn(W) 0', 'combine(F) 0'],
      ['mlp(B) 1', 'combine(B) 1', 'attn(F) 1'],
      ['dispatch(F) 1', 'combine(B) 1', 'attn(F) 1'],
      ['dispatch(B) 1', 'mlp(B) 1', 'dispatch(F) 1'],
      ['mlp(W) 1', 'mlp(B) 1'],
      ['mlp(F) 1', 'dispatch(F) 1', 'mlp(W) 1'],
      ['attn(B) 1', 'dispatch(B) 1', 'mlp(F) 1'],
      ['attn(W) 1', 'attn(B) 1'],
      ['combine(F) 1', 'dispatch(B) 1', 'mlp(F) 1'],
    ]);
    expect(streamOrder(program, 7, 1)).to.deep.equal([
      ...['attn(F)', 'mlp(B)', 'mlp(W)', 'mlp(F)', 'attn(B)', 'attn(W)'],
    ]);
    expect(streamOrder(program, 27, 1)).to.deep.equal(['combine(B)', 'dispatch(F)', 'dispatch(B)', 'combine(F)']);
  });

  it('pairs forward layer c with backward layer L − 1 − c', () => {
    const layers = (direction: string): number[] => [
      ...new Set(
        program.operations.filter((op) => op.recorded && op.direction === direction).map(({ layer }) => layer),
      ),
    ];
    expect(layers('forward')).to.deep.equal([0, 1, 2, 3]);
    expect(layers('backward')).to.deep.equal([3, 2, 1, 0]);
  });

  it('starts cold, as the published trace does, or with a warm-up cell, unrecorded, which waits for nothing', () => {
    expect(program.operations.filter(({ recorded }) => !recorded)).to.deep.equal([]);
    const settings = ['schedule.warmUpRows=1'];
    const warm = buildProgram(resolveConfiguration({ scenario: 'train', settings }));
    const warmUp = warm.operations.filter(({ recorded }) => !recorded);
    expect(warmUp.map(byCell)).to.deep.equal(listed(warm, byCell, ({ row }) => row === -1).map(([name]) => name));
    expect(warmUp).to.have.lengthOf(10);
    expect([...new Set(warmUp.map(({ layer }) => layer))]).to.deep.equal([4, -1]);
    expect(warmUp.slice(0, 2).map(({ gates }) => gates)).to.deep.equal([[], []]);
  });

  it('sends like a dispatch in combine(B) and reduces like a combine in dispatch(B)', () => {
    const uses = program.operations.filter(({ row, collective }) => row === 0 && collective !== undefined);
    expect(uses.map(({ phase, collective }) => [phase, collective?.type, collective?.cached])).to.deep.equal([
      ['combine(B)', 'dispatch', true],
      ['dispatch(F)', 'dispatch', false],
      ['dispatch(B)', 'combine', true],
      ['combine(F)', 'combine', true],
    ]);
  });

  it('runs pipeline phases only when they are switched on, once a chunk, behind what they send', () => {
    const pipeline = (flags: Record<string, unknown>): unknown =>
      listed(programOf('train', flags), byCell, ({ phase }) => phase.startsWith('PP'));
    expect(pipeline({})).to.deep.equal([]);
    const switched = { pipelineCommunication: true };
    expect(pipeline(switched)).to.deep.equal([
      ['PP(F) 3', 'combine(F) 3'],
      ['PP(B) 3', 'attn(B) 3'],
    ]);
    expect(pipeline({ ...switched, overlap: 'none' })).to.deep.equal([
      ['PP(F) 3', 'combine(F) 3'],
      ['PP(B) 7', 'attn(B) 7'],
    ]);
  });

  it('hides nothing without overlap: each phase waits for the one before it, forward, then backward', () => {
    const none = programOf('train', { overlap: 'none', layers: 2, pipelineCommunication: true });
    const free = none.operations.filter(
      ({ id, gates, stream }) => id > 0 && !gates.includes(id - 1) && none.operations[id - 1].stream !== stream,
    );
    expect(free.map(byCell)).to.deep.equal([]);
    const directions = none.operations.map(({ direction }) => direction);
    expect(directions.lastIndexOf('forward')).to.be.below(directions.indexOf('backward'));
  });
});

describe('buildProgram', () => {
  it('refuses more SMs than the GPU has where computation runs beside communication, and only there', () => {
    const settings = ['schedule.computeSms=112', 'schedule.communicationSms=24'];
    const built = (overlap: string): (() => void) => {
      const configuration = resolveConfiguration({ scenario: 'train', flags: { overlap }, settings });
      return () => buildProgram(configuration);
    };
    expect(built('full')).to.throw(
      BadInputError,
      'schedule.computeSms is 112 and schedule.communicationSms 24, but the GPU has 132 SMs for both; lower one of them',
    );
    expect(built('none')).not.to.throw();
  });
});

describe('buildProgram: prefill', () => {
  const program = programOf('prefill');
  const row = (index: number): string[] => program.operations.filter((op) => op.row === index).map(byLayer);

  it('launches a row so that its streams have the published order, and gates it, SHARED(0) and COMBINE(0) of the layer before', () => {
    expect(listed(program, byLayer, (op) => op.row === 1)).to.deep.equal([
      ['ATTN(1) 1', 'COMBINE(1) 0', 'SHARED(1) 0'],
      ['COMBINE(0) 0', 'MLP(0) 0'],
      ['SHARED(0) 0', 'ATTN(0) 0'],
      ['DISPATCH(1) 1', 'ATTN(1) 1'],
      ['ATTN(0) 1', 'ATTN(1) 1', 'COMBINE(0) 0', 'SHARED(0) 0'],
      ['MLP(1) 1', 'DISPATCH(1) 1'],
      ['DISPATCH(0) 1', 'ATTN(0) 1'],
      ['COMBINE(1) 1', 'MLP(1) 1'],
      ['MLP(0) 1', 'DISPATCH(0) 1'],
      ['SHARED(1) 1', 'ATTN(1) 1'],
    ]);
    expect(streamOrder(program, 7, 1)).to.deep.equal([
      'ATTN(1)',
      'SHARED(0)',
      'ATTN(0)',
      'MLP(1)',
      'MLP(0)',
      'SHARED(1)',
    ]);
    expect(streamOrder(program, 27, 1)).to.deep.equal(['COMBINE(0)', 'DISPATCH(1)', 'DISPATCH(0)', 'COMBINE(1)']);
  });

  it('fills with the first layer, which has no layer before, and drains behind the last', () => {
    expect(row(0)).to.deep.equal([
      ...['ATTN(1) 0', 'DISPATCH(1) 0', 'ATTN(0) 0', 'MLP(1) 0'],
      ...['DISPATCH(0) 0', 'COMBINE(1) 0', 'MLP(0) 0', 'SHARED(1) 0'],
    ]);
    expect(row(4)).to.deep.equal(['COMBINE(0) 3', 'SHARED(0) 3']);
    expect(program.operations).to.have.lengthOf(40);
  });
});

describe('buildProgram: decode', () => {
  const program = programOf('decode', { layers: 2 });

  it('launches a row in the published order and gates it, the second half preparing the next layer', () => {
    expect(listed(program, byLayer, ({ row }) => row === 0)).to.deep.equal([
      ['issue DISPATCH(0) 0', 'ATTN-1(0) 0'],
      ['SHARED(0) 0', 'ATTN-1(0) 0'],
      ['ATTN-0(1) 0'],
      ['wait DISPATCH(0) 0', 'issue DISPATCH(0) 0'],
      ['MLP(0) 0', 'wait DISPATCH(0) 0'],
      ['issue COMBINE(0) 0', 'MLP(0) 0'],
      ['ATTN-1(1) 0', 'ATTN-0(1) 0'],
      ['wait COMBINE(0) 0', 'issue COMBINE(0) 0'],
      ['issue DISPATCH(1) 0', 'ATTN-1(1) 0'],
      ['SHARED(1) 0', 'ATTN-1(1) 0'],
      ['ATTN-0(0) 1', 'SHARED(0) 0', 'wait COMBINE(0) 0'],
      ['wait DISPATCH(1) 0', 'issue DISPATCH(1) 0'],
      ['MLP(1) 0', 'wait DISPATCH(1) 0'],
      ['issue COMBINE(1) 0', 'MLP(1) 0'],
      ['ATTN-1(0) 1', 'ATTN-0(0) 1'],
      ['wait COMBINE(1) 0', 'issue COMBINE(1) 0'],
    ]);
  });

  it('fills with ATTN-0(0) and ATTN-1(0), and the last layer omits those of a layer that does not exist', () => {
    expect(program.operations.filter(({ row }) => row === -1).map(byLayer)).to.deep.equal([
      'ATTN-0(0) 0',
      'ATTN-1(0) 0',
    ]);
    const last = program.operations.filter(({ row }) => row === 1);
    expect(last).to.have.lengthOf(14);
    expect(last.map(({ phase }) => phase))
      .not.to.include.members(['ATTN-0(0)'])
      .and.not.include.members(['ATTN-1(0)']);
    expect(
      last.find(({ phase }) => phase === 'ATTN-0(1)')?.gates.map((id) => byLayer(program.operations[id])),
    ).to.deep.equal([...['SHARED(1) 0', 'wait COMBINE(1) 0']]);
  });

  it('ends every wait on the issue of its own layer, all on one stream', () => {
    const waits = program.operations.filter(({ kind }) => kind === 'wait');
    expect(waits).to.have.lengthOf(8);
    for (const { phase, layer, issue } of waits) {
      expect(byLayer(program.operations[issue!])).to.equal(`${phase.replace('wait', 'issue')} ${layer}`);
    }
    expect(program.streams).to.deep.equal([{ id: 7, name: 'compute' }]);
  });
});
