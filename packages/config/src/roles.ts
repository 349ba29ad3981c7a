import { BadInputError } from '@epemu/core';
import type { Configuration } from './configuration.js';

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
  readonly layers: { readonly first: number; readonly last: number };
  readonly group: Group;
}

/** The parts of a configuration that roles follow from. */
export type RoleSource = Pick<Configuration, 'ranks' | 'layers' | 'roles' | 'groups'>;

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

function resolve({ ranks, layers, roles, groups }: RoleSource): readonly Role[] {
  const all = Array.from({ length: ranks }, (_, rank) => rank);
  if (roles === undefined) {
    const group = { name: 'all', ranks: all, expertRanks: all };
    return [{ name: 'all', ranks: all, layers: { first: 0, last: layers - 1 }, group }];
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
    return { name, ranks: own, layers: { first, last }, group };
  });
}

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
            return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
          });
  numbers.sort((a, b) => a - b);
  const twice = numbers.find((rank, i) => rank === numbers[i + 1]);
  if (twice !== undefined) throw new BadInputError(field, `${field} names rank ${twice} twice; name it once`);
  return numbers;
}

function refuse(field: string, message: string): never {
  throw new BadInputError(field, message);
}

function listed(ranks: readonly number[]): string {
  return `${ranks.length === 1 ? 'rank' : 'ranks'} ${ranks.slice(0, 8).join(', ')}${ranks.length > 8 ? ', …' : ''}`;
}

/**
 * Checks that every rank has one role, that groups have the ranks of their roles, and that layers are shared out whole.
 * @throws BadInputError naming the key.
 */
export function checkRoles(configuration: Configuration): void {
  const { roles: given, groups, ranks, layers, schedule } = configuration;
  if (given === undefined && groups !== undefined)
    refuse('groups', 'groups are given without roles; say who is in them');
  const roles = rolesOf(configuration);
  const names = roles.map(({ name }) => name);
  const owner = new Map<number, string>();
  for (const role of roles) {
    const field = `roles.${role.name}`;
    if (role.ranks.length === 0) refuse(`${field}.ranks`, `role ${role.name} has no rank; give it one, or remove it`);
    for (const rank of role.ranks) {
      if (rank >= ranks) refuse(`${field}.ranks`, `${field}.ranks has rank ${rank}, but ranks are 0 to ${ranks - 1}`);
      const other = owner.get(rank);
      if (other !== undefined) {
        refuse(`${field}.ranks`, `rank ${rank} has the roles ${other} and ${role.name}; give it one of them`);
      }
      owner.set(rank, role.name);
    }
    const { first, last } = role.layers;
    if (first > last || last >= layers) {
      refuse(`${field}.layers`, `${field}.layers is ${first}-${last}, but layers are 0 to ${layers - 1}`);
    }
    const phases = schedule.phases.filter((phase) => phase.roles === undefined || phase.roles.includes(role.name));
    if (phases.length === 0)
      refuse(field, `no phase of the schedule is for the role ${role.name}; add one, or remove it`);
  }
  const homeless = Array.from({ length: ranks }, (_, rank) => rank).filter((rank) => !owner.has(rank));
  if (homeless.length > 0) {
    const [have, them] = homeless.length === 1 ? ['has', 'it'] : ['have', 'them'];
    refuse('roles', `${listed(homeless)} of ${ranks} ${have} no role; add ${them} to one, or lower ranks`);
  }
  for (const role of roles) checkGroup(configuration, role);
  for (const name of Object.keys(groups ?? {})) {
    if (!roles.some(({ group }) => group.name === name)) {
      refuse(`groups.${name}`, `groups.${name} is the group of no role; name it in one, or remove it`);
    }
  }
  for (const phase of schedule.phases) {
    const unknown = phase.roles?.find((role) => !names.includes(role));
    if (unknown === undefined) continue;
    refuse(
      `schedule.phases (${phase.name})`,
      `phase ${phase.name} is for the role ${unknown}, which no rank has; the roles are ${names.join(', ')}`,
    );
  }
}

function checkGroup({ model, hardware, ranks, schedule }: Configuration, { name, ranks: own, group }: Role): void {
  const field = `groups.${group.name}`;
  const outside = own.find((rank) => !group.ranks.includes(rank));
  if (outside !== undefined) {
    refuse(
      `${field}.ranks`,
      `role ${name} has rank ${outside}, which its group ${group.name} lacks; add it to the group`,
    );
  }
  const beyond = group.ranks.find((rank) => rank >= ranks);
  if (beyond !== undefined) {
    refuse(`${field}.ranks`, `${field}.ranks has rank ${beyond}, but ranks are 0 to ${ranks - 1}`);
  }
  const stranger = group.expertRanks.find((rank) => !group.ranks.includes(rank));
  if (stranger !== undefined) {
    refuse(`${field}.experts`, `${field}.experts has rank ${stranger}, which is not one of ${field}.ranks`);
  }
  const { length } = group.expertRanks;
  if (length === 0 || model.experts % length !== 0) {
    refuse(
      `${field}.experts`,
      `group ${group.name} has ${length} ranks for the ${model.experts} experts of ${model.name}, which do not divide by it`,
    );
  }
  if (!schedule.phases.some(({ collective }) => collective?.mode === 'normal')) return;
  if (length !== group.ranks.length) {
    refuse(
      `${field}.experts`,
      `only some ranks of group ${group.name} hold experts; that takes low-latency collectives`,
    );
  }
  const ofNode = new Map<number, number>();
  for (const rank of group.ranks) {
    const node = Math.floor(rank / hardware.nodeSize);
    ofNode.set(node, (ofNode.get(node) ?? 0) + 1);
  }
  if (new Set(ofNode.values()).size > 1) {
    const counts = [...ofNode.values()].join(', ');
    refuse(
      `${field}.ranks`,
      `group ${group.name} has ${counts} ranks on its nodes; normal collectives need as many on each`,
    );
  }
}
