import { BadInputError, hash32, largest, power, smallest, unitInterval } from '@epemu/core';
import type { HardwarePreset } from '@epemu/presets';
import type { Configuration } from './configuration.js';

/** Distinguishes the draws of the jitter's tail from all others made of the same seed. */
const TAIL_DRAW = 0x7461696c;

/** Something that lasts from a moment of virtual time on, for a while. */
interface Span {
  readonly fromUs?: number | undefined;
  readonly forUs?: number | undefined;
}

function isDuring({ fromUs = 0, forUs = Infinity }: Span, ns: number): boolean {
  const us = ns / 1000;
  return us >= fromUs && us < fromUs + forUs;
}

/** Slowness of a rank and of its node. */
function slownessOf(
  { slowRanks, slowNodes = [], hardware }: Configuration,
  rank: number,
): ({ factor: number } & Span)[] {
  const node = Math.floor(rank / hardware.nodeSize);
  return [...slowRanks.filter((slow) => slow.rank === rank), ...slowNodes.filter((slow) => slow.node === node)];
}

function isLasting({ fromUs = 0, forUs }: Span): boolean {
  return fromUs === 0 && forUs === undefined;
}

function product(of: readonly { readonly factor: number }[]): number {
  return of.reduce((slow, { factor }) => slow * factor, 1);
}

/** @returns how many times as long a rank's compute takes from the beginning to the end. */
export function lastingSlowness(configuration: Configuration, rank: number): number {
  return product(slownessOf(configuration, rank).filter(isLasting));
}

/**
 * @returns by when a kernel of a rank starts, how many times as long it takes beyond {@link lastingSlowness}; undefined
 * where nothing changes.
 */
export function changingSlowness(
  configuration: Configuration,
  rank: number,
): ((startNs: number) => number) | undefined {
  const changing = slownessOf(configuration, rank).filter((slow) => !isLasting(slow));
  if (changing.length === 0) return undefined;
  return (startNs) => product(changing.filter((slow) => isDuring(slow, startNs)));
}

/** @returns how many times as long the tail of the jitter lets an operation take: Pareto's law, 1 but for few. */
export function tailOf({ jitterTail, seed }: Configuration, rank: number, operation: number): number {
  if (jitterTail === undefined) return 1;
  const { chance, exponent, most } = jitterTail;
  if (unitInterval(hash32(seed, TAIL_DRAW, rank, operation)) >= chance) return 1;
  const draw = unitInterval(hash32(seed, TAIL_DRAW, rank, operation, 1));
  return Math.min(most, power(draw, -1 / exponent));
}

/** @returns when a kernel of a rank starts that could at a moment: behind the stall that the rank is in then. */
export function awakeNs({ stalls }: Configuration, rank: number, ns: number): number {
  if (stalls === undefined) return ns;
  let atNs = ns;
  // Ascending, so that one stall may lead into the next.
  for (const { rank: of, atUs, forUs } of [...stalls].sort((a, b) => a.atUs - b.atUs)) {
    const endNs = Math.round((atUs + forUs) * 1000);
    if (of === rank && atNs >= Math.round(atUs * 1000) && atNs < endNs) atNs = endNs;
  }
  return atNs;
}

const machines = new WeakMap<Configuration, Map<number, HardwarePreset>>();

/** @returns the hardware with the ports that a rank has: links to other nodes are slower where its NIC is. */
export function hardwareOf(configuration: Configuration, rank: number): HardwarePreset {
  const { hardware, slowNics } = configuration;
  const slow = slowNics?.find((nic) => nic.rank === rank);
  if (slow === undefined) return hardware;
  const known = machines.get(configuration) ?? new Map<number, HardwarePreset>();
  machines.set(configuration, known);
  let own = known.get(rank);
  if (own === undefined) {
    const ports = Object.entries(hardware.ports).map(([name, port]) => [
      name,
      port.reach === 'node' ? port : { ...port, bandwidthGBps: port.bandwidthGBps * slow.factor },
    ]);
    own = { ...hardware, ports: Object.fromEntries(ports) as HardwarePreset['ports'] };
    known.set(rank, own);
  }
  return own;
}

/** @returns share of its bandwidth that the way between two ranks has left; 1 where it is whole. */
export function linkShare({ slowLinks }: Configuration, a: number, b: number): number {
  const slow = slowLinks?.find(({ ranks: [from, to] }) => (from === a && to === b) || (from === b && to === a));
  return slow?.factor ?? 1;
}

function spanText({ fromUs = 0, forUs }: Span): string {
  const from = fromUs === 0 ? '' : ` from ${fromUs / 1000} ms on`;
  return forUs === undefined ? from : `${from} for ${forUs / 1000} ms`;
}

/** What is unequal about ranks, each with those that it is of; undefined: all. */
export interface UnequalPart {
  readonly text: string;
  readonly ranks?: readonly number[];
}

/** Work that ranks do not have alike. */
function workParts({ rankTokens, rankPrompts, kvLengths, kvSpread }: Configuration): UnequalPart[] {
  const range = (counts: readonly number[], what: string): UnequalPart => {
    const [least, most] = [smallest(counts), largest(counts)];
    const none = counts.flatMap((count, rank) => (count === 0 ? [rank] : []));
    const idle = none.length === 0 ? '' : `; ${none.length === 1 ? 'rank' : 'ranks'} ${none.join(', ')} with none`;
    return { text: `ranks have ${least} to ${most} ${what}${idle}` };
  };
  return [
    ...(rankTokens === undefined ? [] : [range(rankTokens, 'tokens a micro-batch')]),
    ...(rankPrompts === undefined
      ? []
      : [
          range(
            rankPrompts.map((lengths) => lengths.reduce((sum, length) => sum + length, 0)),
            'prompt tokens',
          ),
        ]),
    ...(kvLengths === undefined ? [] : [{ text: `KV lengths of requests are those of ${kvLengths.source}` }]),
    ...(kvSpread === undefined ? [] : [{ text: `KV lengths of requests spread by ${kvSpread} of their mean` }]),
  ];
}

/** @returns what of a configuration makes ranks unequal beyond their routing, as people are told. */
export function unequalParts(configuration: Configuration): readonly UnequalPart[] {
  const { slowRanks, slowNodes = [], slowNics = [], slowLinks = [], stalls = [], jitterTail, hardware } = configuration;
  const { nodeSize } = hardware;
  const ofNode = (node: number): number[] => Array.from({ length: nodeSize }, (_, i) => node * nodeSize + i);
  return [
    ...slowRanks.map((slow) => ({
      text: `rank ${slow.rank} takes ${slow.factor} times as long${spanText(slow)}`,
      ranks: [slow.rank],
    })),
    ...slowNodes.map((slow) => ({
      text: `node ${slow.node} takes ${slow.factor} times as long${spanText(slow)}`,
      ranks: ofNode(slow.node),
    })),
    ...slowNics.map(({ rank, factor }) => ({
      text: `the NIC of rank ${rank} has ${factor} of its bandwidth`,
      ranks: [rank],
    })),
    ...slowLinks.map(({ ranks: [a, b], factor }) => ({
      text: `the link ${a}-${b} has ${factor} of its bandwidth`,
      ranks: [a, b],
    })),
    ...stalls.map(({ rank, atUs, forUs }) => ({
      text: `rank ${rank} stalls at ${atUs / 1000} ms for ${forUs / 1000} ms`,
      ranks: [rank],
    })),
    ...workParts(configuration),
    ...(jitterTail === undefined
      ? []
      : [
          {
            text: `of ${jitterTail.chance * 100} % of operations jitter has a tail of exponent ${jitterTail.exponent}, at most ${jitterTail.most} times`,
          },
        ]),
  ];
}

/** @throws BadInputError naming what is of a rank, a node or a link that the run does not have, or twice. */
export function checkUnequal(configuration: Configuration): void {
  const { ranks, slowRanks, slowNodes = [], slowNics = [], slowLinks = [], stalls = [], hardware } = configuration;
  const refuse = (field: string, problem: string): never => {
    throw new BadInputError(field, `${field} ${problem}`);
  };
  const known = (field: string, rank: number): void => {
    if (rank >= ranks) refuse(field, `names rank ${rank}, but ranks are 0 to ${ranks - 1}`);
  };
  for (const { rank } of slowRanks) known('slowRanks', rank);
  for (const { rank } of slowNics) known('slowNics', rank);
  for (const { rank } of stalls) known('stalls', rank);
  const nodes = Math.ceil(ranks / hardware.nodeSize);
  for (const { node } of slowNodes) {
    if (node >= nodes) refuse('slowNodes', `names node ${node}, but nodes are 0 to ${nodes - 1}`);
  }
  const twice = slowNics.find(({ rank }, i) => slowNics.findIndex((other) => other.rank === rank) < i);
  if (twice !== undefined) refuse('slowNics', `names rank ${twice.rank} twice; name it once`);
  slowLinks.forEach(({ ranks: [a, b] }, index) => {
    known('slowLinks', a);
    known('slowLinks', b);
    if (a === b) refuse('slowLinks', `names the link ${a}-${b}, but a rank has none to itself`);
    const same = slowLinks.findIndex(({ ranks: of }) => of.includes(a) && of.includes(b));
    if (same < index) refuse('slowLinks', `names the link ${a}-${b} twice; name it once`);
  });
}
