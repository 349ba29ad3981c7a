import { BadInputError } from '@epemu/core';
import { placedExperts } from './configuration.js';
import type { Configuration } from './configuration.js';
import { rolesOf } from './roles.js';
import type { Role } from './roles.js';
import { isAutoregressive } from './workload.js';

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
    if (first > last) refuse(`${field}.layers`, `${field}.layers is ${first}-${last}; name the first layer first`);
    if (last >= layers) {
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
  checkLayers(configuration, roles);
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

/** Every layer has a role, and what a decode step makes of its tokens is where the next step begins. */
function checkLayers(configuration: Configuration, roles: readonly Role[]): void {
  const { layers, steps } = configuration;
  const free = Array.from({ length: layers }, (_, layer) => layer).find(
    (layer) => !roles.some(({ layers: { first, last } }) => first <= layer && layer <= last),
  );
  if (free !== undefined) {
    refuse('roles', `layer ${free} of ${layers} is none of any role; add it to the layers of one, or lower layers`);
  }
  const isShared = roles.some(({ layers: { first, last } }) => first > 0 || last < layers - 1);
  if (steps === 1 || !isShared || !isAutoregressive(configuration)) return;
  refuse(
    'steps',
    `steps is ${steps}, but a decode step needs what the last layer of the one before made, which other ranks have; ` +
      'use 1 step, or roles that have all layers',
  );
}

function checkGroup(configuration: Configuration, { name, ranks: own, group, layers: ownLayers }: Role): void {
  const { model, hardware, ranks, schedule } = configuration;
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
  const apart = rolesOf(configuration).find(
    ({ group: other, layers }) =>
      other.name === group.name && (layers.first !== ownLayers.first || layers.last !== ownLayers.last),
  );
  if (apart !== undefined) {
    refuse(
      `roles.${apart.name}.layers`,
      `roles ${name} and ${apart.name} are of the group ${group.name}, but have other layers; give them the same, or groups of their own`,
    );
  }
  const others = rolesOf(configuration).filter(({ group: other }) => other.name !== group.name);
  const foreign = group.ranks.find((rank) => others.some(({ ranks: theirs }) => theirs.includes(rank)));
  if (foreign !== undefined) {
    const theirs = others.find(({ ranks: members }) => members.includes(foreign))!;
    refuse(
      `${field}.ranks`,
      `${field}.ranks has rank ${foreign}, whose role ${theirs.name} is of the group ${theirs.group.name}; a rank is in one group`,
    );
  }
  const stranger = group.expertRanks.find((rank) => !group.ranks.includes(rank));
  if (stranger !== undefined) {
    refuse(`${field}.experts`, `${field}.experts has rank ${stranger}, which is not one of ${field}.ranks`);
  }
  const { length } = group.expertRanks;
  const placed = placedExperts(configuration);
  if (length === 0 || placed % length !== 0) {
    const { redundantExperts } = configuration;
    const replicas = redundantExperts === undefined ? '' : `${placed} replicas of the `;
    refuse(
      `${field}.experts`,
      `group ${group.name} has ${length} ranks for the ${replicas}${model.experts} experts of ${model.name}, which do not divide by it`,
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
