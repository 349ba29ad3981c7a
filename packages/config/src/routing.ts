import { BadInputError, isMapping } from '@epemu/core';
import type { ModelPreset } from '@epemu/presets';
import { skewedLoads } from '@epemu/routing';
import type { RoutingKind, RoutingRequest, Skew } from '@epemu/routing';
import { denseLayerCount, routerShapeOf } from './configuration.js';
import type { Configuration } from './configuration.js';
import { readExpertLoads } from './expert-loads/read.js';
import { shown } from './explain.js';
import type { Group } from './roles.js';
import { merged } from './sources.js';
import type { PlainObject } from './sources.js';

/** Keys that say how one kind of routing is done. */
const PARAMETERS = {
  biasDeviation: 'biased',
  routingSkew: 'skewed',
  expertLoads: 'measured',
} as const satisfies Readonly<Record<string, RoutingKind>>;
type Parameter = keyof typeof PARAMETERS;
const parameters = Object.keys(PARAMETERS) as Parameter[];

/**
 * Zipf's law with this exponent gives a fullest expert of 12.2 times the mean, and of 32 ranks a fullest of 2.3 times: what
 * TensorRT-LLM's blog 4 counted on DeepSeek-R1 (table 1: 11.9 and 2.6).
 */
const DEFAULT_SKEW: Skew = { law: 'zipf', exponent: 0.6, range: 1000, hotLayer: null, hotExponent: 1, drift: 0 };

/** @returns the part of some values that is about routing. */
export function routingOf(values: Readonly<PlainObject>): PlainObject {
  return Object.fromEntries(Object.entries(values).filter(([key]) => key === 'routing' || key in PARAMETERS));
}

/**
 * A stronger choice of routing takes weaker parameters of other kinds away; a stronger parameter alone chooses its kind.
 * @param weaker changed in place.
 * @param stronger what will be laid over it.
 */
export function overrideRouting(weaker: PlainObject, stronger: Readonly<PlainObject>): void {
  const { routing } = stronger;
  if (routing !== undefined) {
    for (const key of parameters) if (PARAMETERS[key] !== routing) Reflect.deleteProperty(weaker, key);
    return;
  }
  const own = parameters.find((key) => stronger[key] !== undefined);
  if (own === undefined) return;
  overrideRouting(weaker, { routing: PARAMETERS[own] });
  weaker['routing'] = PARAMETERS[own];
}

/** @throws BadInputError naming a parameter of another kind of routing than the one chosen. */
function refuseIdle(values: Readonly<Record<string, unknown>>): void {
  for (const key of parameters) {
    if (values[key] === undefined || PARAMETERS[key] === values['routing']) continue;
    const problem = `${key} is given, but routing is ${String(values['routing'])}, which has none`;
    throw new BadInputError(key, `${problem}; use --routing ${PARAMETERS[key]}, or remove it`);
  }
}

/** Fills in what the kind of routing needs: defaults of a skew, and loads in the place of their file's name. */
export function fillRouting(values: PlainObject, model: ModelPreset): void {
  refuseIdle(values);
  const skew = values['routingSkew'] ?? {};
  if (values['routing'] === 'skewed' && isMapping(skew)) values['routingSkew'] = merged({ ...DEFAULT_SKEW }, skew);
  const loads = values['expertLoads'];
  if (loads === undefined || isMapping(loads)) return;
  if (typeof loads !== 'string') {
    throw new BadInputError('expertLoads', `expertLoads is ${shown(loads)}; name a CSV or JSON file of loads`);
  }
  const { source, layers, lineOf } = readExpertLoads(loads);
  const problem = wrongExperts(layers[0].length, model);
  if (problem !== undefined) {
    throw new BadInputError('expertLoads', `${source}, line ${lineOf(0)}: layer 0 has ${problem}`);
  }
  values['expertLoads'] = { source, layers };
}

function wrongExperts(experts: number, { experts: ofModel, name }: ModelPreset): string | undefined {
  if (experts === ofModel) return undefined;
  return `${experts} experts, but ${name} has ${ofModel}; give the loads of that model, or its --model`;
}

/** The row of loads that each of the run's layers has; those that warm it up have their neighbour's. */
function loadsAt(configuration: Configuration, layer: number): readonly number[] | undefined {
  const { model, layers, expertLoads } = configuration;
  const dense = denseLayerCount(configuration);
  const moeLayer = Math.min(Math.max(layer, dense), layers - 1) - dense;
  return expertLoads?.layers[moeLayer + denseRows(model, expertLoads.layers.length)];
}

/** Rows of dense layers that a file begins with: those that have a row for each of the model's layers do. */
function denseRows({ layers, denseLayers }: ModelPreset, rows: number): number {
  return rows === layers ? denseLayers : 0;
}

/** @throws BadInputError naming a parameter that is missing, cannot act, or does not fit the model. */
export function checkRouting(configuration: Configuration): void {
  const { routing, layers, routingSkew } = configuration;
  refuseIdle(configuration);
  if (routing === 'skewed' && routingSkew === undefined) {
    throw new BadInputError('routingSkew', 'routing is skewed, but routingSkew is not given; give law and exponent');
  }
  const { hotLayer = null } = routingSkew ?? {};
  const dense = denseLayerCount(configuration);
  if (hotLayer !== null && (hotLayer < dense || hotLayer >= layers)) {
    const problem = `routingSkew.hotLayer is ${hotLayer}, but the run's MoE layers are ${dense} to ${layers - 1}`;
    throw new BadInputError('routingSkew.hotLayer', `${problem}; name one of them, or raise --layers`);
  }
  if (routing === 'measured') checkLoads(configuration);
}

function checkLoads(configuration: Configuration): void {
  const { model, layers, expertLoads } = configuration;
  const refuse = (problem: string): never => {
    throw new BadInputError('expertLoads', problem);
  };
  if (expertLoads === undefined) return refuse('routing is measured, but there are no loads; give --expert-loads FILE');
  const { source, layers: rows } = expertLoads;
  rows.forEach(({ length }, row) => {
    const problem = wrongExperts(length, model);
    if (problem !== undefined) refuse(`${source}: layer ${row} has ${problem}`);
  });
  const dense = denseLayerCount(configuration);
  const moeLayers = layers - dense;
  const there = rows.length - denseRows(model, rows.length);
  if (there < moeLayers) {
    refuse(
      `${source} has loads of ${there} MoE layers, but the run has ${moeLayers}; use --layers ${there}, or give more`,
    );
  }
  for (let layer = dense; layer < layers; layer++) {
    const loaded = loadsAt(configuration, layer)!.filter((load) => load > 0).length;
    if (loaded >= model.topK) continue;
    const row = layer - dense + denseRows(model, rows.length);
    refuse(`${source}: layer ${row} has ${loaded} experts with a load above 0, but a token goes to ${model.topK}`);
  }
}

/** Loads by law, by layer and step: all ranks and micro-batches of a process ask for the same. */
const skewed = new WeakMap<Configuration, Map<string, readonly number[]>>();
/** Loads that are kept; drift makes some for each step. */
const MOST_KEPT = 512;

function skewedAt(configuration: Configuration, layer: number, step: number): readonly number[] | undefined {
  const { routingSkew, seed, model } = configuration;
  if (routingSkew === undefined) return undefined;
  const kept = skewed.get(configuration) ?? new Map<string, readonly number[]>();
  skewed.set(configuration, kept);
  const key = `${layer} ${routingSkew.drift === 0 ? 0 : step}`;
  let loads = kept.get(key);
  if (loads === undefined) {
    if (kept.size >= MOST_KEPT) kept.clear();
    kept.set(key, (loads = skewedLoads(routingSkew, { seed, layer, step }, model.experts)));
  }
  return loads;
}

/** @returns the load of each expert that a file or a law says; undefined where routing is by scores. */
export function routingLoads(configuration: Configuration, layer: number, step: number): readonly number[] | undefined {
  return configuration.routing === 'measured' ? loadsAt(configuration, layer) : skewedAt(configuration, layer, step);
}

/** A call of the router: the tokens of one member of a group. */
export interface RoutingCall {
  readonly layer: number;
  /** Its number over all steps, see `microBatchesOf`. */
  readonly microBatch: number;
  readonly member: number;
  readonly group: Group;
  readonly tokens: number;
}

/** @returns what the router takes to choose the experts of a call's tokens. */
export function routingRequestOf(configuration: Configuration, call: RoutingCall): RoutingRequest {
  const { routing: kind, seed, biasDeviation, schedule } = configuration;
  const { layer, microBatch, member, group, tokens } = call;
  const step = Math.floor(microBatch / schedule.microBatches);
  const loads = routingLoads(configuration, layer, step);
  return {
    ...{ kind, seed, layer, microBatch, rank: member, tokens, shape: routerShapeOf(configuration, group) },
    ...(biasDeviation === undefined ? {} : { biasDeviation }),
    ...(loads === undefined ? {} : { loads }),
  };
}
