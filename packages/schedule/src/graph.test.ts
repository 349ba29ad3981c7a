import { parseConfiguration, resolveConfiguration } from '@epemu/config';
import type { PhaseTemplate } from '@epemu/config';
import { BadInputError } from '@epemu/core';
import { expect } from 'chai';
import { buildProgram } from './expand.js';
import { checkAcyclic, untimedPairs } from './graph.js';
import type { CollectiveUse, Operation, Program } from './program.js';

/** What a schedule of prefill with changed phases is refused with. */
function refusal(change: (phases: PhaseTemplate[]) => PhaseTemplate[]): string {
  const configuration = resolveConfiguration({ scenario: 'prefill', flags: { layers: 1 } });
  const { schedule } = configuration;
  const phases = change(structuredClone(schedule.phases));
  const changed = parseConfiguration({ ...configuration, schedule: { ...schedule, phases } });
  try {
    buildProgram(changed);
  } catch (error) {
    expect(error).to.be.instanceOf(BadInputError);
    expect((error as BadInputError).field).to.equal('schedule');
    return (error as BadInputError).message;
  }
  return 'accepted';
}

const withGates =
  (name: string, after: string[]) =>
  (phases: PhaseTemplate[]): PhaseTemplate[] =>
    phases.map((phase) => (phase.name === name ? { ...phase, after } : phase));

const NORMAL: CollectiveUse = {
  type: 'dispatch',
  mode: 'normal',
  cached: false,
  direction: 'forward',
  rateKind: 'dispatch',
  hops: [0, 1],
};

interface Row {
  readonly name: string;
  readonly stream: number;
  readonly gates?: number[];
  readonly collective?: CollectiveUse;
  readonly kind?: Operation['kind'];
  readonly issue?: number;
}

/** Checks operations in launch order. */
function checking(rows: readonly Row[]): () => void {
  return () => {
    checkAcyclic(programOf(rows));
  };
}

function programOf(rows: readonly Row[]): Program {
  const operations = rows.map(({ name, stream, gates = [], collective, kind, issue }, id): Operation => ({
    id,
    phase: name,
    kind: kind ?? (collective === undefined ? 'compute' : 'collective'),
    stream,
    row: 0,
    layer: 0,
    dense: false,
    role: 0,
    microBatch: 0,
    step: 0,
    direction: 'forward',
    tokens: [],
    recorded: true,
    gates,
    beside: [],
    list: name,
    kernels: [],
    ...(collective === undefined ? {} : { collective }),
    ...(issue === undefined ? {} : { issue }),
  }));
  return {
    launch: 'graph',
    kernels: [],
    operations,
    links: [
      { name: 'rdma', reach: 'cluster' },
      { name: 'nvlink', reach: 'node' },
    ],
    exchanges: [],
    earlier: [],
    untimed: [],
    neighbours: [],
    roles: [
      { name: 'all', ranks: [0], group: 'all', groupRanks: [0], attends: true, firstOperation: 0, operationCount: 0 },
    ],
    streams: [1, 2].map((id) => ({ id, name: String(id) })),
    layerMarker: 'a',
  };
}

describe('checkAcyclic', () => {
  it('refuses a dispatch that waits for what the CPU launches only when its notify has ended', () => {
    const polled = { kernel: 0, role: 'notify' } as const;
    const program = programOf([
      { name: 'dispatch', stream: 1, gates: [1], collective: NORMAL },
      { name: 'attention', stream: 2 },
    ]);
    const operations = program.operations.map((operation) =>
      operation.collective === undefined ? operation : { ...operation, kernels: [polled] },
    );
    expect(() => {
      checkAcyclic({ ...program, operations });
    }, 'as a graph').not.to.throw();
    expect(() => {
      checkAcyclic({ ...program, operations, launch: 'eager' });
    }).to.throw(BadInputError, /^schedule never ends: .*attention of row 0 waits for notify of dispatch of row 0/);
  });

  it('refuses roles that each wait for what the other sends later, and accepts them where one sends first', () => {
    const handOver = { ...NORMAL, mode: 'pipeline', rateKind: 'pipeline' } as const;
    const send = { ...handOver, type: 'send' } as const;
    const receive = { ...handOver, type: 'receive' } as const;
    /** Role a launches what is given, by exchange; b receives 0 and then sends 1. */
    const checkingRoles = (ofA: readonly (readonly ['send' | 'receive', number])[]) => () => {
      const rows = [...ofA, ['receive', 0], ['send', 1]] as const;
      const single = programOf(
        rows.map(([type, exchange]) => {
          return { name: `${type} ${exchange}`, stream: 1, collective: type === 'send' ? send : receive };
        }),
      );
      const operations = single.operations.map((operation, id) => {
        return { ...operation, role: id < 2 ? 0 : 1, exchange: rows[id][1] };
      });
      const roles = ['a', 'b'].map((name, role) => ({ ...single.roles[0], name, ranks: [role] }));
      checkAcyclic({ ...single, operations, roles });
    };
    expect(
      checkingRoles([
        ['send', 0],
        ['receive', 1],
      ]),
    ).not.to.throw();
    expect(
      checkingRoles([
        ['receive', 1],
        ['send', 0],
      ]),
    ).to.throw(
      BadInputError,
      /^schedule never ends: .*receive 1 of row 0 on a waits for transfer of receive 1.*receive 0 of row 0 on b/,
    );
  });

  it('accepts every built-in scenario, with and without overlap, with dense layers and pipeline phases', () => {
    for (const scenario of ['train', 'prefill', 'decode']) {
      for (const overlap of ['full', 'none']) {
        const flags = { overlap, layers: 61, pipelineCommunication: true };
        expect(() => buildProgram(resolveConfiguration({ scenario, flags }))).not.to.throw();
      }
    }
  });

  it('refuses a cycle of gates and prints it', () => {
    const text = refusal(withGates('MLP(0)', ['COMBINE(0)']));
    expect(text).to.match(/^schedule never ends: /);
    expect(text).to.include('MLP(0) of row 0 waits for COMBINE(0) of row 1');
    expect(text).to.include('remove one of these gates or change the order');
    const [first, ...rest] = text.replace('schedule never ends: ', '').split('; ')[0].split(' waits for ');
    expect(rest.at(-1), 'the cycle closes').to.equal(first);
  });

  it('refuses a gate to the phase itself', () => {
    expect(refusal(withGates('MLP(1)', ['MLP(1)']))).to.include('MLP(1) of row 0 waits for MLP(1) of row 0;');
  });

  it('refuses a gate to what the same stream launches later', () => {
    expect(refusal(withGates('ATTN(1)', ['SHARED(1)']))).to.include('ATTN(1) of row 0 waits for SHARED(1) of row 0');
  });

  it('refuses a collective that waits for one launched after it, for both use the same ports in launch order', () => {
    const early = { name: 'early', stream: 1, gates: [1], collective: NORMAL };
    const late = { name: 'late', stream: 2, collective: NORMAL };
    expect(checking([early, late])).to.throw(
      BadInputError,
      'transfer of late of row 0 waits for transfer of early of row 0',
    );
    expect(checking([late, { ...early, gates: [0] }]), 'the other way round').not.to.throw();
    expect(checking([early, { name: 'late', stream: 2 }]), 'no ports').not.to.throw();
  });

  it('refuses a wait for an issue that the same stream launches later', () => {
    const lowLatency = { ...NORMAL, mode: 'low-latency' } as const;
    const wait: Row = { name: 'wait', stream: 1, kind: 'wait', issue: 1 };
    const issue: Row = { name: 'issue', stream: 1, kind: 'issue', collective: lowLatency };
    expect(checking([wait, issue])).to.throw(
      BadInputError,
      'wait of row 0 waits for transfer of issue of row 0 waits for issue of row 0 waits for wait of row 0',
    );
    expect(checking([issue, { ...wait, issue: 0 }])).not.to.throw();
  });

  it('copes with programs of any depth', () => {
    const rows = Array.from({ length: 100_000 }, (_, i) => ({
      name: `p${i}`,
      stream: 1,
      gates: i === 0 ? [] : [i - 1],
    }));
    expect(checking(rows)).not.to.throw();
  });
});

describe('untimedPairs', () => {
  /** Two compute streams and two of collectives: each collective waits for one computation, and may run beside the other. */
  const crossed = programOf([
    { name: 'attention', stream: 1 },
    { name: 'experts', stream: 2 },
    { name: 'dispatch', stream: 3, gates: [0], collective: { ...NORMAL, hops: [0] } },
    { name: 'combine', stream: 4, gates: [1], collective: { ...NORMAL, type: 'combine', hops: [1] } },
  ]);
  const withBeside = (beside: Readonly<Record<number, number[]>>): Program => ({
    ...crossed,
    operations: crossed.operations.map((operation) => ({ ...operation, beside: beside[operation.id] ?? [] })),
  });

  it('has none where computation waits for the end of one of the two', () => {
    expect(untimedPairs(withBeside({ 0: [3] }))).to.deep.equal([]);
    expect(untimedPairs(withBeside({ 1: [2] }))).to.deep.equal([]);
  });

  it('has one of two pairs that would wait for each other, and no more', () => {
    const untimed = untimedPairs(withBeside({ 0: [3], 1: [2] }));
    expect(untimed).to.have.length(1);
    const [{ compute, collective }] = untimed;
    expect([
      [0, 3],
      [1, 2],
    ]).to.deep.include([compute, collective]);
  });

  it('has none in any built-in scenario', () => {
    for (const scenario of ['train', 'prefill', 'decode']) {
      const { untimed, operations } = buildProgram(resolveConfiguration({ scenario }));
      expect(untimed).to.deep.equal([]);
      const timed = operations.some(({ kind, beside }) => kind === 'compute' && beside.length > 0);
      expect(timed, scenario).to.equal(scenario !== 'decode');
    }
  });
});
