import { nodeCount, routerShapeOf, rolesOf } from '@epemu/config';
import type { Configuration } from '@epemu/config';
import { hardwareNames, linkRate, loadHardware, lowLatencySms, transferOf } from '@epemu/presets';
import type { Copies, HardwarePreset } from '@epemu/presets';

/** A phase's collective. */
export type Collective = NonNullable<Configuration['schedule']['phases'][number]['collective']>;

/** Distinct ones of `places` that `draws` independent draws meet in the mean. */
function distinct(places: number, draws: number): number {
  return places * (1 - (1 - 1 / places) ** draws);
}

/** What a token is copied to in the mean: nodes and ranks, and how many of either lie beyond the own one. */
function spreadOf(configuration: Configuration): { nodes: number; ranks: number; away: number; beside: number } {
  const shape = routerShapeOf(configuration, rolesOf(configuration)[0].group);
  const all = Math.max(1, shape.ranks / shape.nodeSize);
  const reached = Math.max(1, Math.min(all, (all * shape.topGroups) / shape.groups));
  const nodes = distinct(reached, shape.topK);
  const ranks = distinct(reached * shape.nodeSize, shape.topK);
  return { nodes, ranks, away: nodes * (1 - 1 / all), beside: ranks * (1 - 1 / shape.nodeSize) };
}

/** What limits a transfer: a link of its hops, or what the kernel's SMs push. */
interface Binding {
  /** Name of the link that limits the transfer; undefined where SMs do. */
  readonly link: string | undefined;
  /** Bytes a ns that each link is given, by name. */
  readonly GBps: ReadonlyMap<string, number>;
}

/**
 * What binds a collective's transfer on a machine, for a token as the router spreads it in the mean: the slowest of its
 * hops, by the same law that times them.
 */
export function bindingOf(configuration: Configuration, collective: Collective, hardware: HardwarePreset): Binding {
  const { era, model, schedule } = configuration;
  const { rateKind: kind, mode, type } = collective;
  const { hops } = transferOf(hardware, era, kind);
  const { nodes, ranks, away, beside } = spreadOf(configuration);
  const several = nodeCount(configuration) > 1;
  const bytes = model.bytesPerToken;
  const ofDispatch = mode === 'low-latency' ? bytes.lowLatencyDispatch : bytes.dispatch;
  const messageBytes = type === 'combine' ? bytes.combine : ofDispatch;
  const lowLatency = mode === 'low-latency';
  const toRanks = lowLatency ? model.topK : ranks;
  /** Rows of a token on a link, in the mean. */
  const rowsOn = (link: string): number => {
    if (lowLatency) return model.topK * (hops.length > 1 && several ? 0.5 : 1);
    return hardware.ports[link].reach === 'node' ? beside : away;
  };
  const GBps = new Map<string, number>();
  let slowest: { link: string | undefined; ns: number } = { link: hops[0], ns: 0 };
  for (const link of hops) {
    const linkBytes = rowsOn(link) * messageBytes;
    if (linkBytes === 0) continue;
    const copies: Copies = { tokens: 1, toNodes: several && !lowLatency ? nodes : 0, toRanks, linkBytes };
    const sms = lowLatency ? lowLatencySms(hardware.gpu.sms, model.experts) : schedule.communicationSms;
    const rate = linkRate(hardware, link, { era, kind, sms, besideCompute: false, messageBytes, copies });
    GBps.set(link, rate.GBps);
    const ns = linkBytes / rate.GBps;
    if (ns > slowest.ns) slowest = { link: rate.GBps < rate.portGBps ? undefined : link, ns };
  }
  return { link: slowest.link, GBps };
}

function collectivesOf({ schedule }: Configuration): Collective[] {
  const all = schedule.phases.flatMap(({ collective }) => (collective === undefined ? [] : [collective]));
  const moving = all.filter(({ type }) => type === 'dispatch' || type === 'combine');
  return [...new Map(moving.map((collective) => [collective.rateKind, collective])).values()];
}

/**
 * Looks at bandwidths that were set to another value than the built-in preset's, and at whether any transfer of the run
 * notices.
 * @returns one sentence about the first that none does; undefined where there is none.
 */
export function idleBandwidth(configuration: Configuration): string | undefined {
  const { hardware, era } = configuration;
  if (!hardwareNames().includes(hardware.name)) return undefined;
  const builtIn = loadHardware(hardware.name);
  for (const [link, { bandwidthGBps }] of Object.entries(hardware.ports)) {
    const before = Object.hasOwn(builtIn.ports, link) ? builtIn.ports[link].bandwidthGBps : bandwidthGBps;
    if (before === bandwidthGBps) continue;
    const users = collectivesOf(configuration).filter(({ rateKind }) =>
      transferOf(hardware, era, rateKind).hops.includes(link),
    );
    const machines = [hardware, { ...hardware, ports: builtIn.ports }];
    const bindings = users.map((collective) =>
      machines.map((machine) => bindingOf(configuration, collective, machine)),
    );
    if (users.length === 0 || bindings.flat().some((binding) => binding.link === link)) continue;
    const pushed = users.map(({ rateKind }, index) => {
      const [{ link: by, GBps }] = bindings[index];
      return `${rateKind} gets ${(GBps.get(link) ?? 0).toFixed(1)} GB/s of it, by ${by ?? 'its SMs'}`;
    });
    return (
      `hardware.ports.${link}.bandwidthGBps is ${bandwidthGBps} where ${hardware.name} has ${before}, ` +
      `but no transfer of this run is bound by it: ${pushed.join('; ')}.`
    );
  }
  return undefined;
}
