import { BadInputError } from '@epemu/core';
import { balanceExperts, eplbPolicy, ExpertPlacement, routeTokens, rowsPerExpert } from '@epemu/routing';
import type { EplbShape } from '@epemu/routing';
import { placedExperts, routerShapeOf } from './configuration.js';
import type { Configuration } from './configuration.js';
import { rolesOf } from './roles.js';
import type { Group } from './roles.js';
import { routingLoads } from './routing.js';
import type { PlainObject } from './sources.js';

/** Keys that only act where EPLB does. */
const PARAMETERS = ['redundantExperts', 'eplbPolicy'] as const;

/** What the environment and `--set` may say for true and false. */
const SWITCH: Readonly<Record<string, boolean>> = { 1: true, 0: false, on: true, off: false };

/** @returns the part of some values that is about EPLB. */
export function eplbOf(values: Readonly<PlainObject>): PlainObject {
  return Object.fromEntries(Object.entries(values).filter(([key]) => key === 'eplb' || isParameter(key)));
}

function isParameter(key: string): boolean {
  return (PARAMETERS as readonly string[]).includes(key);
}

/** A stronger `eplb` of false takes weaker parameters away; a stronger parameter takes a weaker false away. */
export function overrideEplb(weaker: PlainObject, stronger: Readonly<PlainObject>): void {
  if (isOff(stronger['eplb'])) for (const key of PARAMETERS) Reflect.deleteProperty(weaker, key);
  if (PARAMETERS.some((key) => stronger[key] !== undefined) && isOff(weaker['eplb'])) {
    Reflect.deleteProperty(weaker, 'eplb');
  }
}

/** @returns what a value says of the switch; the value itself where it says nothing. */
function switched(value: unknown): unknown {
  return typeof value === 'string' || typeof value === 'number' ? (SWITCH[String(value)] ?? value) : value;
}

function isOff(value: unknown): boolean {
  return switched(value) === false;
}

/** Parameters of EPLB alone choose it. */
export function fillEplb(values: PlainObject): void {
  if (values['eplb'] !== undefined) values['eplb'] = switched(values['eplb']);
  if (PARAMETERS.some((key) => values[key] !== undefined)) values['eplb'] ??= true;
}

/** @throws BadInputError naming a key of EPLB that cannot act, or counts that do not divide. */
export function checkEplb(configuration: Configuration): void {
  const { eplb, eplbPolicy: policy, model } = configuration;
  const idle = PARAMETERS.find((key) => configuration[key] !== undefined);
  if (eplb !== true) {
    if (idle === undefined) return;
    throw new BadInputError(idle, `${idle} is given, but eplb is off; add --eplb, or remove ${idle}`);
  }
  for (const { group } of rolesOf(configuration)) {
    const { nodes, even } = nodesOf(configuration, group);
    if (policy === 'hierarchical' && (!even || model.expertGroups % nodes !== 0)) {
      const problem = even
        ? `the ${model.expertGroups} expert groups of ${model.name} do not divide among ${nodes} nodes`
        : `the nodes of group ${group.name} do not hold experts on as many ranks each`;
      throw new BadInputError('eplbPolicy', `eplbPolicy is hierarchical, but ${problem}; use global`);
    }
  }
}

/** Nodes of the ranks that hold experts, and whether each has as many of them. */
function nodesOf({ hardware }: Configuration, { expertRanks }: Group): { nodes: number; even: boolean } {
  const counts = new Map<number, number>();
  for (const rank of expertRanks) {
    const node = Math.floor(rank / hardware.nodeSize);
    counts.set(node, (counts.get(node) ?? 0) + 1);
  }
  return { nodes: counts.size, even: new Set(counts.values()).size === 1 };
}

/** @returns where replicas of a group's experts may go. */
export function eplbShapeOf(configuration: Configuration, group: Group): EplbShape {
  const { model, eplbPolicy: policy } = configuration;
  const { nodes, even } = nodesOf(configuration, group);
  const gpus = group.expertRanks.length;
  const shape = { replicas: placedExperts(configuration), groups: model.expertGroups, nodes, gpus };
  return even && policy !== 'global' && eplbPolicy(shape) === 'hierarchical'
    ? shape
    : { ...shape, groups: 1, nodes: 1 };
}

/** Tokens by which loads are counted where no law and no file says them. */
const COUNTED_TOKENS = 8192;
/** Their micro-batch: none that runs. */
const BEFORE_THE_RUN = 0xffffffff;

/**
 * @returns loads of a layer's experts as EPLB sees them before a step: those of the file or the law; where experts are drawn
 * by scores, what a window of tokens before the run came to, for a plan knows only the past.
 */
function loadsFor(configuration: Configuration, group: Group, layer: number, step: number): readonly number[] {
  const { routing: kind, model, seed, biasDeviation } = configuration;
  if (kind === 'balanced') return new Array<number>(model.experts).fill(1);
  const loads = routingLoads(configuration, layer, step);
  if (loads !== undefined) return loads;
  const rows = COUNTED_TOKENS * model.topK;
  const expertIds = new Uint16Array(rows);
  const request = {
    ...{ kind, seed, layer, microBatch: BEFORE_THE_RUN, rank: 0, tokens: COUNTED_TOKENS },
    shape: routerShapeOf(configuration, group),
    ...(biasDeviation === undefined ? {} : { biasDeviation }),
  };
  routeTokens(request, expertIds, new Float32Array(rows));
  return [...rowsPerExpert(expertIds, rows, model.experts)];
}

/** Plans by group and layer: all ranks and micro-batches of a process ask for the same. */
const planned = new WeakMap<Configuration, Map<string, ExpertPlacement>>();

/** @returns where the experts of a layer are; undefined where they are dealt out in order. */
export function placementAt(configuration: Configuration, group: Group, layer: number): ExpertPlacement | undefined {
  if (configuration.eplb !== true) return undefined;
  const plans = planned.get(configuration) ?? new Map<string, ExpertPlacement>();
  planned.set(configuration, plans);
  const key = `${group.name} ${layer}`;
  let placement = plans.get(key);
  if (placement === undefined) {
    const loads = loadsFor(configuration, group, layer, 0);
    plans.set(key, (placement = new ExpertPlacement(balanceExperts(loads, eplbShapeOf(configuration, group)))));
  }
  return placement;
}
