import { resolveConfiguration } from '@epemu/config';
import { expect } from 'chai';
import fc from 'fast-check';
import { buildProgram } from './expand.js';
import type { Program } from './program.js';
import { findBeside } from './residence.js';

interface Row {
  readonly kind: 'compute' | 'collective';
  readonly stream: number;
  readonly gates?: readonly number[];
  readonly polled?: boolean;
}

function besideOf(rows: readonly Row[]): readonly (readonly number[])[] {
  const operations = rows.map(({ gates = [], ...row }, id) => ({ ...row, role: 0, id, gates }));
  return [...findBeside(operations, ({ polled }) => polled === true).values()];
}

/** Names of what may run beside the collectives of a row, by collective. */
function besideInRow({ operations }: Program, row: number): Record<string, string[]> {
  const collectives = operations.filter((operation) => operation.kind === 'collective' && operation.row === row);
  return Object.fromEntries(
    collectives.map(({ phase, beside }) => [
      phase,
      beside.map((id) => `${operations[id].phase} ${operations[id].row}`),
    ]),
  );
}

describe('findBeside', () => {
  it('names what DualPipe lets run beside each collective', () => {
    expect(besideInRow(buildProgram(resolveConfiguration({ scenario: 'train' })), 1)).to.deep.equal({
      'combine(B)': ['attn(W) 0', 'attn(F) 1'],
      'dispatch(F)': ['mlp(B) 1', 'mlp(W) 1'],
      'dispatch(B)': ['mlp(W) 1', 'mlp(F) 1'],
      'combine(F)': ['attn(B) 1', 'attn(W) 1'],
    });
  });

  it('names nothing without overlap', () => {
    const none = buildProgram(resolveConfiguration({ scenario: 'train', flags: { overlap: 'none' } }));
    expect(none.operations.flatMap(({ beside }) => beside)).to.deep.equal([]);
  });

  it('follows gates to what is launched later on another stream', () => {
    // The compute operation is launched first, and waits for the collective all the same.
    const rows: Row[] = [
      { kind: 'compute', stream: 1, gates: [1] },
      { kind: 'collective', stream: 2 },
    ];
    expect(besideOf(rows)).to.deep.equal([[], []]);
  });

  it('names the collectives that slow a compute operation, and that look at it', () => {
    const rows: Row[] = [
      { kind: 'collective', stream: 1 },
      { kind: 'collective', stream: 1 },
      { kind: 'compute', stream: 2 },
    ];
    expect(besideOf(rows)).to.deep.equal([[2], [2], [0, 1]]);
  });

  it('leaves out what waits for a collective that this one does not wait for', () => {
    // Two collectives on streams of their own, and a compute operation behind the second: the first slows it all the same.
    const rows: Row[] = [
      { kind: 'collective', stream: 1 },
      { kind: 'collective', stream: 2 },
      { kind: 'compute', stream: 3, gates: [1] },
    ];
    expect(besideOf(rows)).to.deep.equal([[], [], [0]]);
  });

  it('leaves out what another collective slows that is neither before nor behind this one', () => {
    const rows: Row[] = [
      { kind: 'collective', stream: 1 },
      { kind: 'collective', stream: 2 },
      { kind: 'compute', stream: 3 },
    ];
    expect(besideOf(rows)).to.deep.equal([[], [], [0, 1]]);
  });

  it('orders what the CPU launches only when a notify has ended behind what that notify waits for', () => {
    const rows = (polled: boolean): Row[] => [
      { kind: 'collective', stream: 1 },
      { kind: 'collective', stream: 1, polled },
      { kind: 'compute', stream: 2 },
    ];
    expect(besideOf(rows(false))).to.deep.equal([[2], [2], [0, 1]]);
    expect(besideOf(rows(true)), 'beside the transfer that it follows the notify of').to.deep.equal([[], [2], [1]]);
  });

  it('never names an operation that waits for the collective, or that the collective waits for', () => {
    const row = fc.record({ kind: fc.constantFrom('compute', 'collective'), stream: fc.nat(3), back: fc.nat(5) });
    fc.assert(
      fc.property(fc.array(row, { maxLength: 20 }), (drawn) => {
        const rows = drawn.map(({ kind, stream, back }, id): Row => ({
          kind: kind,
          stream,
          gates: back > 0 && back <= id ? [id - back] : [],
        }));
        const waitsFor = (id: number): Set<number> => {
          const last = rows.slice(0, id).findLastIndex(({ stream }) => stream === rows[id].stream);
          const direct = [...rows[id].gates!, ...(last < 0 ? [] : [last])];
          return new Set(direct.flatMap((earlier) => [earlier, ...waitsFor(earlier)]));
        };
        besideOf(rows).forEach((beside, id) => {
          for (const other of beside) {
            expect(waitsFor(other).has(id) || waitsFor(id).has(other)).to.equal(false);
            expect(rows[other].kind).not.to.equal(rows[id].kind);
          }
        });
      }),
    );
  });
});
