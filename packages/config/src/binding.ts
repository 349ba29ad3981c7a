import { linkRate, lowLatencySms, transferOf, transferStartNs } from '@epemu/presets';
import type { Copies, HardwarePreset } from '@epemu/presets';
import type { RouterShape } from '@epemu/core';
import { nodeCount, placedExperts, routerShapeOf } from './configuration.js';
import type { Configuration } from './configuration.js';
import { rolesOf } from './roles.js';
import { microBatchesOf } from './workload.js';

/** A phase's collective. */
export type Collective = NonNullable<Configuration['schedule']['phases'][number]['collective']>;

/** Distinct ones of `places` that `draws` independent draws meet in the mean. */
function distinct(places: number, draws: number): number {
  return places * (1 - (1 - 1 / places) ** draws);
}

/** Nodes that hold experts of the groups a token may use, in the mean. */
function nodesOfGroups(nodes: number, { groups, topGroups }: RouterShape): number {
  if (groups < nodes) return Math.max(1, (nodes * topGroups) / groups);
  // A node is missed where none of its groups is drawn.
  let missed = 1;
  for (let drawn = 0; drawn < topGroups; drawn++) {
    missed *= Math.max(0, groups - groups / nodes - drawn) / (groups - drawn);
  }
  return Math.max(1, nodes * (1 - missed));
}

/** What a token is copied to in the mean. */
interface Spread {
  readonly nodes: number;
  readonly ranks: number;
  /** Of the nodes, others than the own one; of the ranks, others of their node than the one that forwards. */
  readonly away: number;
  readonly beside: number;
  /** Share of the ranks that is on the own node. */
  readonly inside: number;
}

function spreadOf(configuration: Configuration): Spread {
  const shape = routerShapeOf(configuration, rolesOf(configuration)[0].group);
  const all = Math.max(1, shape.ranks / shape.nodeSize);
  const reached = nodesOfGroups(all, shape);
  const nodes = distinct(reached, shape.topK);
  const ranks = distinct(reached * shape.nodeSize, shape.topK);
  const [away, beside] = [nodes * (1 - 1 / all), ranks * (1 - 1 / shape.nodeSize)];
  return { nodes, ranks, away, beside, inside: shape.nodeSize / shape.ranks };
}

/** What limits a transfer: a link of its hops, or what the kernel's SMs push. */
interface Binding {
  /** Name of the link that limits the transfer; undefined where SMs do. */
  readonly link: string | undefined;
  /** Bytes a ns that each link is given, by name. */
  readonly GBps: ReadonlyMap<string, number>;
  /** What a token's rows take the slowest hop, ns. */
  readonly tokenNs: number;
}

/**
 * What binds a collective's transfer on a machine, for a token as the router spreads it in the mean: the slowest of its
 * hops, by the same law that times them.
 */
export function bindingOf(configuration: Configuration, collective: Collective, hardware: HardwarePreset): Binding {
  const { era, model, schedule } = configuration;
  const { rateKind: kind, mode, type } = collective;
  const { hops } = transferOf(hardware, era, kind);
  const { nodes, ranks, away, beside, inside } = spreadOf(configuration);
  const several = nodeCount(configuration) > 1;
  const bytes = model.bytesPerToken;
  const ofDispatch = mode === 'low-latency' ? bytes.lowLatencyDispatch : bytes.dispatch;
  const messageBytes = type === 'combine' ? bytes.combine : ofDispatch;
  const lowLatency = mode === 'low-latency';
  const toRanks = lowLatency ? model.topK : ranks;
  /** Rows of a token on a link, in the mean. */
  const rowsOn = (link: string): number => {
    if (mode === 'pipeline') return 1;
    if (lowLatency && hops.length === 1) return model.topK;
    if (lowLatency) return model.topK * (hardware.ports[link].reach === 'node' ? inside : 1 - inside);
    return hardware.ports[link].reach === 'node' ? beside : away;
  };
  const GBps = new Map<string, number>();
  let slowest: { link: string | undefined; ns: number } = { link: hops[0], ns: 0 };
  for (const link of hops) {
    const linkBytes = rowsOn(link) * messageBytes;
    if (linkBytes === 0) continue;
    const copies: Copies = { tokens: 1, toNodes: several && !lowLatency ? nodes : 0, toRanks, linkBytes };
    const sms = lowLatency ? lowLatencySms(hardware.gpu.sms, placedExperts(configuration)) : schedule.communicationSms;
    const rate = linkRate(hardware, link, { era, kind, sms, load: 0, messageBytes, copies });
    GBps.set(link, rate.GBps);
    const ns = linkBytes / rate.GBps;
    if (ns > slowest.ns) slowest = { link: rate.GBps < rate.portGBps ? undefined : link, ns };
  }
  return { link: slowest.link, GBps, tokenNs: slowest.ns };
}

/** Links to other nodes twice as fast. */
function withFasterNics(hardware: HardwarePreset): HardwarePreset {
  const ports = Object.entries(hardware.ports).map(([name, port]) => [
    name,
    port.reach === 'node' ? port : { ...port, bandwidthGBps: port.bandwidthGBps * 2 },
  ]);
  return { ...hardware, ports: Object.fromEntries(ports) as HardwarePreset['ports'] };
}

/**
 * @returns the share of its time that a collective's transfer would still take with NICs twice as fast: a half where
 * these bind and nothing else takes time, 1 where SMs or another link do.
 */
export function shareWithFasterNics(configuration: Configuration, collective: Collective): number {
  const { hardware, era } = configuration;
  const { rateKind: kind } = collective;
  const startNs = transferStartNs(
    hardware,
    { era, kind },
    transferOf(hardware, era, kind).hops,
    placedExperts(configuration),
  );
  const { tokens } = microBatchesOf(configuration)[0];
  const takes = (machine: HardwarePreset): number => bindingOf(configuration, collective, machine).tokenNs * tokens;
  const before = startNs + takes(hardware);
  return before === 0 ? 1 : (startNs + takes(withFasterNics(hardware))) / before;
}
