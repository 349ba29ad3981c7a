import { readExpertLoads } from '@epemu/config';
import { BadInputError, counted, largest, mean } from '@epemu/core';
import { balanceExperts, eplbPolicy, unevennessOf } from '@epemu/routing';
import type { Duplicate, EplbShape, LayerPlan } from '@epemu/routing';
import type { Command } from 'commander';
import { plainTable } from '../plain-table.js';
import { wholeNumber } from '../whole-number.js';

interface EplbFlags {
  readonly gpus: string;
  readonly nodes?: string;
  readonly redundantExperts?: string;
  readonly replicas?: string;
  readonly groups: string;
  readonly placement?: boolean;
  readonly json?: boolean;
}

/** GPUs of a node where the number of nodes is not given. */
const NODE_GPUS = 8;
const MOST = 65_536;

/** Adds `epemu eplb`. */
export function addEplbCommand(program: Command): void {
  program
    .command('eplb')
    .description("replicate experts and place them on GPUs by their loads, as DeepSeek's EPLB does")
    .argument('<loads>', 'loads by layer and expert, CSV or JSON, as for --expert-loads')
    .requiredOption('--gpus <n>', 'GPUs that hold experts')
    .option('--nodes <n>', 'nodes that they are on (default: one for each 8 GPUs)')
    .option('--redundant-experts <n>', 'replicas beyond one of each expert (default 0)')
    .option('--replicas <n>', 'replicas in all, instead of --redundant-experts')
    .option('--groups <n>', 'expert groups of the router; where nodes divide them, a group stays on a node', '1')
    .option('--placement', "list each GPU's experts, too")
    .option('--json', 'print placement, replicas and loads of GPUs as JSON')
    .addHelpText(
      'after',
      `
Hierarchical where the nodes divide the groups: groups to nodes, replicas within nodes, these to GPUs. Else global, without
regard to groups and nodes. Equal loads are taken in order. No GPU gets an expert twice where that can be avoided; where
EPLB as published would do so, it is said. Before: experts in order on the GPUs, without replicas.

Examples:
  epemu eplb examples/expert-loads.csv --gpus 32 --groups 8 --redundant-experts 32
  epemu eplb examples/expert-loads.csv --gpus 144 --redundant-experts 32 --json
  epemu eplb loads.json --gpus 8 --nodes 2 --groups 4 --replicas 16 --placement`,
    )
    .action((path: string, flags: EplbFlags) => {
      const { layers } = readExpertLoads(path);
      const shape = shapeFrom(flags, layers[0].length);
      const plans = layers.map((loads) => balanceExperts(loads, shape));
      process.stdout.write(
        flags.json === true ? `${JSON.stringify(jsonOf(shape, plans))}\n` : textOf(shape, plans, flags),
      );
    });
}

/** @throws BadInputError naming the flag by which counts do not divide. */
function shapeFrom(flags: EplbFlags, experts: number): EplbShape {
  const refuse = (flag: string, problem: string): never => {
    throw new BadInputError(flag, `${flag} is ${problem}`);
  };
  const gpus = wholeNumber('--gpus', flags.gpus, 1, MOST);
  const groups = wholeNumber('--groups', flags.groups, 1, experts);
  if (experts % groups !== 0)
    refuse('--groups', `${groups}, but the ${experts} experts of the loads do not divide by it`);
  const nodes = flags.nodes === undefined ? Math.ceil(gpus / NODE_GPUS) : wholeNumber('--nodes', flags.nodes, 1, gpus);
  if (gpus % nodes !== 0)
    refuse('--nodes', `${nodes}, but the ${gpus} GPUs do not divide by it; give --nodes that does`);
  if (flags.replicas !== undefined && flags.redundantExperts !== undefined) {
    refuse('--replicas', `${flags.replicas} beside --redundant-experts ${flags.redundantExperts}; give one of them`);
  }
  const named = flags.replicas === undefined ? '--redundant-experts' : '--replicas';
  const [text, beyond] = flags.replicas === undefined ? [flags.redundantExperts ?? '0', experts] : [flags.replicas, 0];
  const replicas = beyond + wholeNumber(named, text, 0, MOST);
  if (replicas < experts) refuse(named, `${text}, but each of the ${experts} experts needs a replica`);
  if (replicas % gpus !== 0) {
    const next = Math.ceil(replicas / gpus) * gpus - beyond;
    refuse(named, `${text}, but ${replicas} replicas do not divide among ${gpus} GPUs; use ${next}`);
  }
  return { replicas, groups, nodes, gpus };
}

/** Duplicates with their layers. */
const ofLayers = (
  plans: readonly LayerPlan[],
  key: 'duplicates' | 'upstreamDuplicates',
): ({ layer: number } & Duplicate)[] =>
  plans.flatMap((plan, layer) => plan[key].map((duplicate) => ({ layer, ...duplicate })));

/** One row a layer; replicas of an expert are filled up with −1 to those of the expert that has most. */
function jsonOf(shape: EplbShape, plans: readonly LayerPlan[]): unknown {
  const most = largest(plans.flatMap(({ replicaCount }) => largest(replicaCount)));
  return {
    policy: eplbPolicy(shape),
    ...shape,
    physicalToLogical: plans.map(({ physicalToLogical }) => physicalToLogical),
    logicalToPhysical: plans.map(({ logicalToPhysical }) =>
      logicalToPhysical.map((places) => [...places, ...new Array<number>(most - places.length).fill(-1)]),
    ),
    replicaCount: plans.map(({ replicaCount }) => replicaCount),
    gpuLoadBefore: plans.map(({ gpuLoadBefore }) => gpuLoadBefore),
    gpuLoadAfter: plans.map(({ gpuLoadAfter }) => gpuLoadAfter),
    duplicates: ofLayers(plans, 'duplicates'),
    upstreamDuplicates: ofLayers(plans, 'upstreamDuplicates'),
  };
}

const HEAD = [
  'layer',
  'max/mean before',
  'after',
  '(max-mean)/mean before',
  'after',
  'Gini before',
  'after',
  'most replicas',
];

function layerRow(layer: string, before: number[], after: number[], replicas: string): string[] {
  const pairs = before.flatMap((value, i) => [value.toFixed(3), after[i].toFixed(3)]);
  return [layer, ...pairs, replicas];
}

function figuresOf(loads: readonly number[]): number[] {
  const { maxOverMean, excess, gini } = unevennessOf(loads);
  return [maxOverMean, excess, gini];
}

/** Experts with most replicas: `5 (3 replicas)`. */
function mostReplicated({ replicaCount }: LayerPlan): string {
  const most = largest(replicaCount);
  if (most === 1) return '';
  const experts = replicaCount.flatMap((count, expert) => (count === most ? [expert] : []));
  const shown = experts.slice(0, 4).join(', ');
  return `${shown}${experts.length > 4 ? ', …' : ''} (${most} replicas)`;
}

function textOf(shape: EplbShape, plans: readonly LayerPlan[], { placement }: EplbFlags): string {
  const { replicas, nodes, gpus, groups } = shape;
  const before = plans.map(({ gpuLoadBefore }) => figuresOf(gpuLoadBefore));
  const after = plans.map(({ gpuLoadAfter }) => figuresOf(gpuLoadAfter));
  const over = (of: number[][]): number[] => [0, 1, 2].map((i) => mean(of.map((figures) => figures[i])));
  const rows = plans.map((plan, layer) => layerRow(String(layer), before[layer], after[layer], mostReplicated(plan)));
  const table = plainTable(HEAD, [...rows, layerRow('mean', over(before), over(after), '')], [0, 1, 2, 3, 4, 5, 6]);
  const slots = replicas / gpus;
  const places = plans.flatMap(({ physicalToLogical }, layer) =>
    Array.from({ length: gpus }, (_, gpu) => {
      const experts = physicalToLogical.slice(gpu * slots, (gpu + 1) * slots).join(', ');
      return `layer ${layer}, GPU ${gpu}: ${experts}`;
    }),
  );
  return [
    `${eplbPolicy(shape)} EPLB: ${counted(replicas, 'replica')} of ${plans[0].replicaCount.length} experts in ` +
      `${counted(groups, 'group')} on ${counted(gpus, 'GPU')} of ${counted(nodes, 'node')}; loads of GPUs`,
    table.replace(/ +$/gm, ''),
    ...(placement === true ? places : []),
    ...ofLayers(plans, 'upstreamDuplicates').map(({ layer, gpu, expert, replicas: times }) => {
      const kept = plans[layer].duplicates.length > 0 ? 'some cannot be avoided' : 'not so here';
      return `layer ${layer}: as published, EPLB would give GPU ${gpu} ${times} replicas of expert ${expert}; ${kept}`;
    }),
    ...ofLayers(plans, 'duplicates').map(
      ({ layer, gpu, expert, replicas: times }) =>
        `layer ${layer}: GPU ${gpu} has ${times} replicas of expert ${expert}: there are more of it than GPUs`,
    ),
    '',
  ].join('\n');
}
