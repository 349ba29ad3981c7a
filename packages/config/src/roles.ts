import { BadInputError } from '@epemu/core';
import { tokenActionsOf } from '@epemu/kernels';
import { heldStages } from '@epemu/pipelines';
import type * as z from 'zod';
import { layersOfStages } from './stages.js';
import type { LayerRange } from './stages.js';
import type { CONFIGURATION_SCHEMA } from './schema.js';

/** Ranks that take part in the collectives of MoE layers, and which of them hold experts. */
export interface Group {
  readonly name: string;
  /** Ascending. */
  readonly ranks: readonly number[];
  /** Ranks that hold experts, ascending; each holds as many. */
  readonly expertRanks: readonly number[];
}

/** What a kind of rank does: a stage of a pipeline, the attention side, or all where all do the same. */
export interface Role {
  readonly name: string;
  /** Ascending. */
  readonly ranks: readonly number[];
  /** First and last layer that it works on. */
  readonly layers: LayerRange;
  /** The same without what is between its stages, where it has several of a pipeline. */
  readonly chunks: readonly LayerRange[];
  readonly group: Group;
}

/** The parts of a configuration that roles follow from. */
export type RoleSource = Pick<
  z.infer<typeof CONFIGURATION_SCHEMA>,
  'ranks' | 'layers' | 'roles' | 'groups' | 'pipeline'
>;

const resolved = new WeakMap<object, readonly Role[]>();

/** @returns the roles of a run in the order given; one that has all ranks and layers where none is. */
export function rolesOf(configuration: RoleSource): readonly Role[] {
  let roles = resolved.get(configuration);
  if (roles === undefined) resolved.set(configuration, (roles = resolve(configuration)));
  return roles;
}

/** @returns the role of a rank. */
export function roleOfRank(configuration: RoleSource, rank: number): Role {
  return rolesOf(configuration).find(({ ranks }) => ranks.includes(rank))!;
}

/** @returns a role for each rank of a pipeline, with a group of its own. */
function pipelineRoles({ ranks, layers }: RoleSource, pipeline: NonNullable<RoleSource['pipeline']>): readonly Role[] {
  const size = Math.floor(ranks / pipeline.ranks);
  const stages = layersOfStages(pipeline, layers);
  return Array.from({ length: pipeline.ranks }, (_, place): Role => {
    const name = `pp-${place}`;
    const own = Array.from({ length: size }, (_rank, i) => place * size + i);
    const chunks = heldStages(pipeline, place).map((stage) => stages[stage]);
    const hull = {
      first: Math.min(...chunks.map(({ first }) => first)),
      last: Math.max(...chunks.map(({ last }) => last)),
    };
    return { name, ranks: own, layers: hull, chunks, group: { name, ranks: own, expertRanks: own } };
  });
}

function resolve(source: RoleSource): readonly Role[] {
  const { ranks, layers, roles, groups, pipeline } = source;
  const all = Array.from({ length: ranks }, (_, rank) => rank);
  if (pipeline !== undefined) return pipelineRoles(source, pipeline);
  if (roles === undefined) {
    const group = { name: 'all', ranks: all, expertRanks: all };
    const whole = { first: 0, last: layers - 1 };
    return [{ name: 'all', ranks: all, layers: whole, chunks: [whole], group }];
  }
  const byName = new Map(
    Object.entries(groups ?? {}).map(([name, group]): [string, Group] => {
      const members = numbersOf(group.ranks, `groups.${name}.ranks`);
      const expertRanks = group.experts === undefined ? members : numbersOf(group.experts, `groups.${name}.experts`);
      return [name, { name, ranks: members, expertRanks }];
    }),
  );
  return Object.entries(roles).map(([name, role]) => {
    const own = numbersOf(role.ranks, `roles.${name}.ranks`);
    const [first = 0, last = first] = role.layers === undefined ? [0, layers - 1] : boundsOf(role.layers);
    const named = role.group === undefined ? undefined : byName.get(role.group);
    if (role.group !== undefined && named === undefined) {
      const known = byName.size === 0 ? 'there are no groups' : `the groups are ${[...byName.keys()].join(', ')}`;
      throw new BadInputError(`roles.${name}.group`, `roles.${name}.group is ${role.group}, but ${known}`);
    }
    const group = named ?? { name, ranks: own, expertRanks: own };
    return { name, ranks: own, layers: { first, last }, chunks: [{ first, last }], group };
  });
}

/** As the schema has it. */
const MOST_RANKS = 4096;

function boundsOf(range: string): number[] {
  return range.split('-').map(Number);
}

/** @returns the numbers of `0-3,8` or of a list, ascending. @throws BadInputError where one is named twice. */
function numbersOf(spec: string | number | readonly number[], field: string): readonly number[] {
  const numbers =
    typeof spec === 'object'
      ? [...spec]
      : String(spec)
          .split(',')
          .flatMap((part) => {
            const [first, last = first] = boundsOf(part);
            if (last > MOST_RANKS) {
              throw new BadInputError(field, `${field} names rank ${last}, but a run has ${MOST_RANKS} ranks at most`);
            }
            return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
          });
  numbers.sort((a, b) => a - b);
  const twice = numbers.find((rank, i) => rank === numbers[i + 1]);
  if (twice !== undefined) throw new BadInputError(field, `${field} names rank ${twice} twice; name it once`);
  return numbers;
}

type AttendingSource = RoleSource & Pick<z.infer<typeof CONFIGURATION_SCHEMA>, 'schedule'>;

/** @returns the ranks of a role that have tokens to route: all where it attends, none where it only holds experts. */
export function attendingRanks({ schedule }: AttendingSource, { name, ranks }: Role): readonly number[] {
  const attends = schedule.phases.some(
    ({ roles, tokens, kernels }) =>
      (roles === undefined || roles.includes(name)) && (tokens ?? tokenActionsOf(kernels)).includes('attend'),
  );
  return attends ? ranks : [];
}

/** @returns how many ranks have tokens of their own to begin with: those that attend in the model's first layer. */
export function tokenRanks(configuration: AttendingSource): number {
  // Of a pipeline into which micro-batches come from both ends, each comes in at one of them.
  if (configuration.pipeline !== undefined) return configuration.ranks / configuration.pipeline.ranks;
  return rolesOf(configuration)
    .filter(({ layers }) => layers.first === 0)
    .reduce((sum, role) => sum + attendingRanks(configuration, role).length, 0);
}
