import { existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { PROJECT } from './support/commands.js';
import { CliProcess } from './support/run-cli.js';
import type { CliEnd } from './support/run-cli.js';
import { childrenOf } from './support/processes.js';
import { changed, scenarioFile, textFile } from './support/scenario-files.js';
import { TemporaryFolder } from './support/temporary.js';

/** Commands that run at once while the table is worked through. */
const AT_ONCE = 3;
const BAD_INPUT = 2;

interface BadInput {
  readonly what: string;
  readonly args: readonly string[];
  /** What the sentence must hold: the field and the value. */
  readonly names: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Commander's own complaint, with its hint. */
  readonly commander?: boolean;
}

const temporary = new TemporaryFolder();
const files = temporary.path;
/** Where commands run: nothing may appear in it. */
const cwd = join(files, 'cwd');
const full = join(files, 'full');
mkdirSync(cwd);
mkdirSync(full);
const occupied = textFile(full, 'precious.txt', 'keep me');
const yaml = (name: string, text: string): string => textFile(files, `${name}.yaml`, text);
const UNIT = ['--unit', 'F=1,B=2,W=1,FB=3'];
const NOWHERE = 'ws://127.0.0.1:9';

/** A run with one flag, and the field and value that the complaint must name. */
const flag = (name: string, value: string, field = name, shown = value): BadInput => ({
  what: `--${name} ${value}`,
  args: ['run', 'decode', '--ranks', '8', `--${name}`, value],
  names: [field, shown],
});

const set = (setting: string, names: readonly string[]): BadInput => ({
  what: `--set ${setting}`,
  args: ['run', 'decode', '--ranks', '8', '--set', setting],
  names,
});

const file = (what: string, path: string, names: readonly string[]): BadInput => ({ what, args: ['run', path], names });

/** Rows of an example with one thing changed. */
const example = (
  name: string,
  changes: readonly (readonly [what: string, from: RegExp, to: string, names: readonly string[]])[],
): BadInput[] => {
  const text = readFileSync(join(PROJECT, 'examples', `${name}.yaml`), 'utf8');
  return changes.map(([what, from, to, names], index) => {
    const changedText = text.replace(from, to);
    if (changedText === text) throw new Error(`${name}.yaml has nothing to change for ${what}`);
    return file(what, yaml(`${name}-${index}`, changedText), names);
  });
};

/** Equal loads of so many layers and experts as CSV. */
const rowsOfOnes = (layers: number, experts: number): string[][] =>
  Array.from({ length: layers }, () => Array.from({ length: experts }, () => '1'));
const loadsFile = (name: string, rows: readonly string[][]): string =>
  textFile(files, `${name}.csv`, rows.map((row) => `${row.join(',')}\n`).join(''));
const evenLoads = (layers: number, experts: number): string =>
  loadsFile(`even-${layers}-${experts}`, rowsOfOnes(layers, experts));
const changedLoads = (layer: number, expert: number, load: string): string => {
  const rows = rowsOfOnes(4, 256);
  rows[layer][expert] = load;
  return loadsFile(`changed-${layer}-${expert}`, rows);
};
/** All but seven experts of a layer without load. */
const idleLoads = (layer: number): string => {
  const rows = rowsOfOnes(4, 256);
  rows[layer] = rows[layer].map((load, expert) => (expert < 7 ? load : '0'));
  return loadsFile(`idle-${layer}`, rows);
};
const loads = (what: string, path: string, names: readonly string[]): BadInput => ({
  what,
  args: ['run', 'decode', '--ranks', '8', '--expert-loads', path],
  names: [path, ...names],
});

const TABLE: readonly BadInput[] = [
  { what: 'an unknown scenario', args: ['run', 'trane'], names: ['scenario', 'trane', 'train'] },
  file('an unknown key in a file', yaml('key', 'scenario: decode\nrank: 8\n'), ['rank', 'did you mean ranks?']),
  file('ranks as text in a file', yaml('text', 'scenario: decode\nranks: "8"\n'), ['ranks', '"8"']),
  file('a missing file', './missing.yaml', ['./missing.yaml']),
  file('a broken file', yaml('broken', 'scenario: decode\nranks: 8\nlayers: [1, 2\n'), ['broken.yaml', 'line 4']),
  file('a file that is a list', yaml('list', '- decode\n'), ['list.yaml', 'no mapping']),
  file('a file of an unknown scenario', yaml('named', 'scenario: mine\nranks: 8\n'), ['scenario', 'mine']),
  ...example('two-stage-pipeline', [
    ['a rank without a role', /ranks: 4-7, /, 'ranks: 4-6, ', ['line 8', 'rank 7', 'role']],
    ['a rank with two roles', /ranks: 4-7, /, 'ranks: 3-7, ', ['line 10', 'rank 3', 'stage-0 and stage-1']],
    ['a rank named twice in a role', /ranks: 4-7, /, 'ranks: "4-7,5", ', ['line 10', 'rank 5 twice']],
    ['ranks that are none', /ranks: 4-7, /, 'ranks: 4-five, ', ['line 10', 'roles.stage-1.ranks', '4-five']],
    ['a role that no rank has', /roles: \[stage-1\]/, 'roles: [stage-9]', ['RECEIVE', 'stage-9', 'no rank has']],
    ['layers beyond the last', /layers: 2-3/, 'layers: 2-4', ['line 10', 'roles.stage-1.layers', '2-4']],
    ['a layer of no role', /layers: 2-3/, 'layers: 3-3', ['line 8', 'layer 2 of 4']],
    ['a message nobody receives', /ranks: 4-7, layers: 2-3/, 'ranks: 4-7, layers: 1-3', ['SEND', 'nobody receives']],
    ['layers the wrong way round', /layers: 2-3/, 'layers: 3-2', ['line 10', 'first layer first']],
    ['more ranks than there can be', /ranks: 4-7/, 'ranks: 4-99999999999', ['line 10', '4096 ranks at most']],
    [
      'stages in one group',
      /layers: 2-3 }/,
      'layers: 2-3, group: g }\ngroups: { g: { ranks: 0-7 } }',
      ['rank 0', 'stage-0'],
    ],
    ['a micro-batch twice', /, \[3\]/, ', [2]', ['line 14', 'micro-batch 2', 'an earlier pass']],
    ['a micro-batch in no phase', /passes: .*/, '', ['micro-batch 1', 'no phase works']],
    ['a message nobody sends', /\n {4}- name: SEND[^]*/, '\n', ['line 22', 'RECEIVE', 'nobody sends']],
    ['an unknown group', /layers: 2-3 }/, 'layers: 2-3, group: moe }', ['roles.stage-1.group', 'moe', 'no groups']],
    ['a micro-batch that no pass takes', /, \[3\]/, '', ['line 14', 'no pass', 'micro-batch 3']],
    ['a pass of an unknown micro-batch', /\[3\]/, '[4]', ['schedule.passes.3', 'micro-batch 4']],
    ['a send before what it sends', /after: \[SHARED, COMBINE\]/, 'after: [SHARED]', ['line 44', 'SEND', 'COMBINE']],
    ['a stage that does not wait for its input', /after: \[RECEIVE, /, 'after: [', ['ATTN', 'RECEIVE', 'add it']],
  ]),
  ...example('attention-and-expert-ranks', [
    ['a group without a rank of its role', /ranks: 0-5, experts/, 'ranks: 0-4, experts', ['experts', 'rank 5', 'moe']],
    ['experts outside their group', /experts: 4-5 }/, 'experts: 4-6 }', ['line 13', 'groups.moe.experts', 'rank 6']],
    ['a rank twice in a group', /ranks: 0-5, experts/, 'ranks: "0-5,2", experts', ['line 13', 'rank 2 twice']],
    ['experts that do not divide', /experts: 4-5 }/, 'experts: 3-5 }', ['group moe', '3 ranks', '256 experts']],
    ['a group of no role', /moe: { ranks/, 'other: { ranks: 0-3 }\n  moe: { ranks', ['groups.other', 'no role']],
    [
      'a role of the group without the combine',
      /name: wait COMBINE\n/,
      'name: wait COMBINE\n      roles: [attention]\n',
      ['role experts', 'combine'],
    ],
    [
      'the shared expert on ranks that do not attend',
      /decode-SHARED, roles: \[attention\]/,
      'decode-SHARED, roles: [experts]',
      ['shared expert', 'role'],
    ],
    ['experts of some ranks in normal mode', /low-latency/g, 'normal', ['only some ranks of group moe', 'low-latency']],
  ]),
  ...example('decode-steps', [
    ['no step', /steps: 4/, 'steps: 0', ['line 6', 'steps is 0']],
    ['half a step', /steps: 4/, 'steps: 1.5', ['line 6', 'steps is 1.5']],
    ['more steps than can be held', /steps: 4/, 'steps: 65000', ['line 6', 'steps is 65000', 'operations']],
    ['a configuration of a later version', /steps: 4/, 'version: 3', ['version is 3', 'versions 1 to 2']],
  ]),
  flag('steps', '0'),
  ...['0', '-1', '1e9', '12', 'many', '8.5'].map((value) =>
    flag('ranks', value, 'ranks', value === '1e9' ? '1000000000' : value),
  ),
  set('ranks="8"', ['ranks', '"8"']),
  set('ranks', ['--set ranks', 'path=value']),
  set('nope=1', ['--set nope=1', 'no nope']),
  set('hardware.nope.deeper=1', ['hardware.nope']),
  set('payload.hidden=20', ['payload.hidden', '20']),
  set('payload.hidden=8000', ['payload.hidden', '8000']),
  set('jitter=3', ['jitter', '3']),
  set('faults=[{"rank":9,"operation":0,"kind":"kill"}]', ['faults', 'rank 9']),
  set('slowRanks=[{"rank":8,"factor":2}]', ['slowRanks', 'rank 8']),
  {
    what: 'ranks that do not fill nodes',
    args: ['run', 'decode', '--ranks', '16', '--set', 'hardware.nodeSize=6'],
    names: ['ranks is 16', 'node size 6'],
  },
  flag('ranks-per-worker', '3', 'ranksPerWorker'),
  flag('ranks-per-worker', '16', 'ranksPerWorker'),
  ...['0', '60', '-4'].map((value) => flag('layers', value)),
  flag('seed', '1.5'),
  flag('overlap', 'half'),
  flag('routing', 'random'),
  flag('routing', 'measured', '--expert-loads', 'no loads'),
  flag('expert-loads', './nowhere.csv', 'expertLoads', './nowhere.csv'),
  {
    what: 'routing of an unknown scenario',
    args: ['routing', 'trane'],
    names: ['scenario', 'trane', 'train'],
  },
  {
    what: 'routing by a file that is not there',
    args: ['routing', '--expert-loads', './nowhere.csv'],
    names: ['expertLoads', './nowhere.csv'],
  },
  ...(
    [
      [
        ['--gpus', '0'],
        ['--gpus', '0'],
      ],
      [
        ['--gpus', '8', '--groups', '7'],
        ['--groups', '7', '256 experts'],
      ],
      [
        ['--gpus', '8', '--nodes', '3'],
        ['--nodes', '3', '8 GPUs'],
      ],
      [
        ['--gpus', '32', '--redundant-experts', '3'],
        ['--redundant-experts', '3', '259 replicas', 'use 32'],
      ],
      [
        ['--gpus', '32', '--redundant-experts', 'few'],
        ['--redundant-experts', 'few'],
      ],
      [
        ['--gpus', '8', '--replicas', '8'],
        ['--replicas', '8', '256 experts'],
      ],
      [
        ['--gpus', '8', '--replicas', '264', '--redundant-experts', '8'],
        ['--replicas', '--redundant-experts'],
      ],
    ] as const
  ).map(([args, names]) => ({
    what: `a placement with ${args.join(' ')}`,
    args: ['eplb', evenLoads(4, 256), ...args],
    names,
  })),
  {
    what: 'a placement by a negative load',
    args: ['eplb', changedLoads(1, 9, '-1'), '--gpus', '8'],
    names: ['line 2', 'layer 1', 'expert 9', '-1'],
  },
  { what: 'a placement of nothing', args: ['eplb', './nowhere.json', '--gpus', '8'], names: ['./nowhere.json'] },
  { what: 'a placement on no GPUs', args: ['eplb', evenLoads(4, 256)], names: ['--gpus'], commander: true },
  loads('a negative load', changedLoads(3, 17, '-4'), ['line 4', 'layer 3', 'expert 17', '-4']),
  loads('a load that is missing', changedLoads(2, 250, ''), ['line 3', 'layer 2', 'expert 250', 'missing']),
  loads('a load that is no number', changedLoads(0, 0, 'many'), ['line 1', 'layer 0', 'expert 0', 'many']),
  loads('loads of fewer experts than the model', evenLoads(4, 255), ['line 1', '255 experts', 'deepseek-v3', '256']),
  loads('loads of one expert', evenLoads(4, 1), ['line 1', '1 expert', '256']),
  loads('loads of fewer layers than the run', evenLoads(3, 256), ['3 MoE layers', 'the run has 4']),
  loads('loads of fewer experts than a token goes to', idleLoads(1), ['layer 1', '7 experts', 'goes to 8']),
  {
    what: 'loads beside balanced routing',
    args: ['run', 'decode', '--routing', 'balanced', '--expert-loads', evenLoads(4, 256)],
    names: ['expertLoads', 'routing is balanced', '--routing measured'],
  },
  set('routingSkew.exponent=-1', ['routingSkew.exponent', '-1']),
  set('routingSkew.law=normal', ['routingSkew.law', 'normal', 'zipf, power']),
  set('routingSkew.drift=1.5', ['routingSkew.drift', '1.5']),
  set('routingSkew.hotLayer=9', ['routingSkew.hotLayer', '9', '0 to 3']),
  set('routingSkew.slope=1', ['no routingSkew.slope']),
  set('biasDeviation=-1', ['biasDeviation', '-1']),
  file(
    'a skew without its routing',
    yaml('skew', 'scenario: decode\nrouting: balanced\nroutingSkew: { exponent: 1 }\n'),
    ['skew.yaml, line 3', 'routingSkew', '--routing skewed'],
  ),
  flag('payload', 'float64'),
  flag('fabric', 'pigeons'),
  flag('threads', '0'),
  flag('pace', '0'),
  flag('pace', '0.01'),
  flag('pace', 'slow'),
  flag('tokens-per-microbatch', '0', 'tokensPerMicrobatch'),
  flag('prompt-lengths', '0', 'promptLengths'),
  flag('prompt-lengths', '100,x', 'promptLengths', 'x'),
  {
    what: 'prompts for training',
    args: ['run', 'train', '--ranks', '8', '--prompt-lengths', '100'],
    names: ['promptLengths', 'training'],
  },
  {
    what: 'prompts and tokens at once',
    args: ['run', 'prefill', '--ranks', '8', '--prompt-lengths', '100', '--tokens-per-microbatch', '100'],
    names: ['promptLengths', 'tokensPerMicrobatch'],
  },
  {
    what: 'an environment variable that is no number',
    args: ['run', 'decode'],
    environment: { EPEMU_RANKS: 'eight' },
    names: ['ranks', 'eight'],
  },
  { what: 'an unknown flag', args: ['run', '--rank', '8'], names: ['--rank'], commander: true },
  { what: 'an unknown command', args: ['rum'], names: ['rum'], commander: true },
  { what: 'one argument too many', args: ['run', 'decode', 'train'], names: ['argument'], commander: true },
  { what: 'a flag without its value', args: ['run', '--ranks'], names: ['--ranks'], commander: true },
  flag('out', full, 'out'),
  flag('out', occupied, 'out'),
  flag('out', join(occupied, 'inside'), 'out'),
  file(
    'gates that form a cycle',
    scenarioFile(files, 'cycle', (phases) => changed(phases, 'MLP(0)', { after: ['COMBINE(0)'] })),
    ['schedule', 'MLP(0)', 'waits for', 'COMBINE(0)'],
  ),
  file(
    'an unknown stream',
    scenarioFile(files, 'stream', (phases) => changed(phases, 'MLP(0)', { stream: 'river' })),
    ['MLP(0)', 'river'],
  ),
  file(
    'an unknown gate',
    scenarioFile(files, 'gate', (phases) => changed(phases, 'MLP(0)', { after: ['DISPATCH(7)'] })),
    ['MLP(0)', 'DISPATCH(7)'],
  ),
  file(
    'two phases of one name',
    scenarioFile(files, 'twice', (phases) => [...phases, ...phases.filter(({ name }) => name === 'MLP(1)')]),
    ['MLP(1)'],
  ),
  file(
    'unknown kernels',
    scenarioFile(files, 'kernels', (phases) => changed(phases, 'MLP(0)', { kernels: 'magic' })),
    ['MLP(0)', 'magic'],
  ),
  set('hardware.ports.rdma.owner=leaf', ['ports.rdma.owner', 'leaf', 'rank']),
  {
    what: 'a link that does not leave the node',
    args: ['run', 'decode', '--ranks', '16', '--set', 'hardware.ports.rdma.reach=node'],
    names: ['issue DISPATCH(0)', 'rdma', 'reach'],
  },
  {
    what: 'a hop too many',
    args: ['run', 'prefill', '--ranks', '8', '--set', 'hardware.transfers.feb25.dispatch.hops=["rdma"]'],
    names: ['transfers.feb25.dispatch', 'nvlink'],
  },
  {
    what: 'a link that the hardware has not',
    args: [
      ...['presets'],
      yaml(
        'leaf',
        'version: 2\nname: x\nbase: h800\ntransfers: { feb25: { combine: { hops: [nvlink, leaf], basis: assumed, source: s } } }',
      ),
    ],
    names: ['leaf.yaml, line 4', 'combine.hops', 'unknown link leaf'],
  },
  ...(
    [
      ['a pipeline whose pair is too short', ['--unit', 'F=1,B=3,W=1,FB=2'], ['FB=2', '3']],
      ['DualPipe on an odd number of ranks', [...UNIT, '--pp', '7'], ['--pp', '7', 'even']],
      ['DualPipe with too few micro-batches', [...UNIT, '--micro-batches', '14'], ['--micro-batches', '14', '16']],
      [
        'interleaved 1F1B with micro-batches left over',
        [...UNIT, '--schedule', 'interleaved-1f1b', '--micro-batches', '21'],
        ['--micro-batches', '21', '24'],
      ],
      ['a pipeline with flags of a run', [...UNIT, '--ranks', '8'], ['--ranks', 'pipeline']],
    ] as const
  ).map(([what, args, names]) => ({ what, args: ['run', 'pipeline', ...args], names })),
  ...(['pipeline', 'afd'] as const).map((scenario) => ({
    what: `${scenario} with a number of ranks in the environment`,
    args: ['run', scenario],
    environment: { EPEMU_RANKS: '16' },
    names: ['EPEMU_RANKS', scenario],
  })),
  { what: 'a run with flags of a pipeline', args: ['run', 'decode', '--pp', '8'], names: ['--pp', 'decode'] },
  { what: 'a replay of nothing', args: ['replay', './nowhere'], names: ['./nowhere'] },
  { what: 'a lint of nothing', args: ['trace', 'lint', './nowhere.json'], names: ['./nowhere.json'] },
  {
    what: 'a worker without a coordinator',
    args: ['worker'],
    environment: { EPEMU_TOKEN: 'x' },
    names: ['--coordinator', 'ws://host:7077'],
  },
  { what: 'a worker without a token', args: ['worker', '--coordinator', NOWHERE], names: ['EPEMU_TOKEN'] },
  ...[
    ['--slots', '0'],
    ['--port', '70000'],
    ['--connect-timeout', 'soon'],
  ].map(([name, value]) => ({
    what: `a worker with ${name} ${value}`,
    args: ['worker', '--coordinator', NOWHERE, name, value],
    environment: { EPEMU_TOKEN: 'x' },
    names: [name, value],
  })),
  {
    what: 'a worker with a token file that is not there',
    args: ['worker', '--coordinator', NOWHERE, '--token-file', './secret'],
    names: ['--token-file', './secret'],
  },
  {
    what: 'a worker with an address that is no URL',
    args: ['worker', '--coordinator', 'nonsense', '--connect-timeout', '1'],
    environment: { EPEMU_TOKEN: 'x' },
    names: ['--coordinator', 'nonsense'],
  },
  {
    what: 'a run that would not fit into its GPUs, where it must',
    args: ['run', 'decode', '--ranks', '8', '--require-memory'],
    names: ['--require-memory', '151.4 GB', '84.9 GB', 'expert weights'],
  },
  {
    what: 'a coordinator of a run that would not fit, where it must',
    args: ['coordinator', 'decode', '--ranks', '8', '--require-memory'],
    environment: { EPEMU_TOKEN: 'x' },
    names: ['--require-memory', 'expert weights'],
  },
  flag('require', 'layr<=35ms', '--require', 'did you mean layer?'),
  flag('require', 'layer<=35%', '--require', 'µs'),
  flag('require', 'layer~35', '--require', 'layer~35'),
  {
    what: 'requirements of a dry run',
    args: ['run', 'decode', '--ranks', '8', '--dry-run', '--require', 'layer<=35ms'],
    names: ['--require', '--dry-run'],
  },
  { what: 'a check of nothing', args: ['check', occupied], names: ['--require', 'nothing to check'] },
  {
    what: 'a JUnit report without requirements',
    args: ['check', occupied, '--junit', './never.xml'],
    names: ['--junit', '--require'],
  },
  {
    what: 'a JUnit report in no folder',
    args: ['check', occupied, '--require', 'layer<=1s', '--junit', './none/never.xml'],
    names: ['--junit', './none/never.xml'],
  },
  {
    what: 'a check of what is no run',
    args: ['check', occupied, '--require', 'layer<=1s', '--junit', './never.xml'],
    names: ['precious.txt'],
  },
  flag('kv-precision', 'int4', 'kvPrecision'),
  set('reservedMemoryShare=1', ['reservedMemoryShare', '1']),
  set('hardware.memoryGB=0', ['memoryGB', '0']),
  set('model.weightPrecision.experts=fp4', ['weightPrecision', 'fp4']),
  {
    what: 'a worker that advertises what is no address',
    args: ['worker', '--coordinator', NOWHERE, '--advertise', 'ws://here:80'],
    environment: { EPEMU_TOKEN: 'x' },
    names: ['--advertise', 'ws://here:80'],
  },
  {
    what: 'a worker with a range of ports that goes down',
    args: ['worker', '--coordinator', NOWHERE, '--port', '7163-7100'],
    environment: { EPEMU_TOKEN: 'x' },
    names: ['--port', '7163-7100'],
  },
  {
    what: 'a coordinator with a join time-out of 0',
    args: ['coordinator', 'decode', '--ranks', '8', '--join-timeout', '0'],
    environment: { EPEMU_TOKEN: 'x' },
    names: ['--join-timeout', '0'],
  },
  {
    what: 'a coordinator of an unknown scenario',
    args: ['coordinator', 'trane'],
    environment: { EPEMU_TOKEN: 'x' },
    names: ['trane'],
  },
];

describe('bad input', () => {
  const ends = new Map<BadInput, CliEnd & { readonly left: readonly number[] }>();

  before(async () => {
    const queue = [...TABLE];
    const work = async (): Promise<void> => {
      for (let row = queue.shift(); row !== undefined; row = queue.shift()) {
        const command = new CliProcess(row.args, row.environment, cwd);
        const { pid } = command;
        const end = await command.end;
        ends.set(row, { ...end, left: childrenOf(pid) });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  });
  after(() => {
    temporary.remove();
  });

  for (const row of TABLE) {
    it(`${row.what} is refused in one sentence that names it`, () => {
      const end = ends.get(row);
      const form =
        row.commander === true
          ? /^error: [^\n]+\n(?:\(Did you mean [^\n]+\)\n)?\n?\(add --help [^\n]+\)\n$/
          : /^epemu: [^\n]+\n$/;
      expect(end?.stderr).to.match(form);
      for (const name of row.names) expect(end?.stderr).to.include(name);
      expect(end?.stderr, 'a stack trace').not.to.match(/\n\s+at /);
      expect(end?.stdout).to.equal('');
      expect(end?.code).to.equal(BAD_INPUT);
      expect(end?.left).to.deep.equal([]);
    });
  }

  it('leaves no folder behind and touches none that was there', () => {
    expect(readdirSync(cwd)).to.deep.equal([]);
    expect(readdirSync(full)).to.deep.equal(['precious.txt']);
    expect(existsSync(occupied)).to.equal(true);
  });
});
