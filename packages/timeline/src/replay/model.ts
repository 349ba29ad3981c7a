import {
  awakeNs,
  changingSlowness,
  hardwareOf,
  launchCosts,
  linkShare,
  placedExperts,
  roleOfRank,
} from '@epemu/config';
import type { Configuration, LaunchCosts } from '@epemu/config';
import { linkRate, lowLatencySms, transferStartNs } from '@epemu/presets';
import type { Copies, LinkPort, LinkRate } from '@epemu/presets';
import { inPort, linksByReach, outPort } from '@epemu/schedule';
import type { Operation, Port } from '@epemu/schedule';
import { serviceTime } from '../ports.js';
import type { Disturbance } from '../sharing.js';

/** How long a port is busy with a segment, and how long of that before its first byte; integer ns. */
type Service = ReturnType<typeof serviceTime>;

/** A rank's peers in its group, ascending. */
interface Places {
  readonly onNode: readonly number[];
  readonly column: readonly number[];
  readonly neighbours: readonly number[];
}

/** What replay knows of the modelled machine; all of it from the run's configuration. */
export class ReplayModel {
  readonly gapNs: number;
  readonly host: LaunchCosts;
  readonly #configuration: Configuration;
  /** In the order in which hops number them. */
  readonly #links: readonly string[];
  readonly #ports: readonly LinkPort[];
  readonly #places = new Map<number, Places>();

  constructor(configuration: Configuration) {
    this.#configuration = configuration;
    this.#links = Object.keys(configuration.hardware.ports);
    this.#ports = Object.values(configuration.hardware.ports);
    this.host = launchCosts(configuration);
    this.gapNs = this.host.gapNs;
  }

  /** Ranks with which a rank dispatches and combines, itself included, ascending. */
  group(rank: number): readonly number[] {
    return roleOfRank(this.#configuration, rank).group.ranks;
  }

  /** Ranks of the group on the rank's own node, itself included, ascending. */
  onNode(rank: number): readonly number[] {
    return this.#placesOf(rank).onNode;
  }

  /** Ranks of the group that have the same index on their nodes, but not the rank itself. */
  column(rank: number): readonly number[] {
    return this.#placesOf(rank).column;
  }

  /** The other ranks of the group on the node. */
  neighbours(rank: number): readonly number[] {
    return this.#placesOf(rank).neighbours;
  }

  /** Worked out once a rank: notifies ask again and again. */
  #placesOf(rank: number): Places {
    let places = this.#places.get(rank);
    if (places === undefined) {
      const byNode = new Map<number, number[]>();
      for (const other of this.group(rank)) {
        const node = this.#nodeOf(other);
        byNode.set(node, [...(byNode.get(node) ?? []), other]);
      }
      const onNode = byNode.get(this.#nodeOf(rank))!;
      const index = onNode.indexOf(rank);
      places = {
        onNode,
        column: [...byNode.values()].map((node) => node[index]).filter((other) => other !== rank),
        neighbours: onNode.filter((other) => other !== rank),
      };
      this.#places.set(rank, places);
    }
    return places;
  }

  #nodeOf(rank: number): number {
    return Math.floor(rank / this.#configuration.hardware.nodeSize);
  }

  /** Latency of the way to the other nodes, or inside the own one. */
  notifyLatencyNs({ collective }: Operation, way: 'between' | 'inside'): number {
    return this.#ports[linksByReach(collective!)[way]].latencyNs;
  }

  /** What makes kernels of a rank start late, or take longer. */
  disturbance(rank: number): Disturbance {
    return {
      awakeNs: (ns) => awakeNs(this.#configuration, rank, ns),
      slowness: changingSlowness(this.#configuration, rank),
    };
  }

  /** Share of its bandwidth that the link between two ranks has left. */
  linkShare(sender: number, receiver: number): number {
    return linkShare(this.#configuration, sender, receiver);
  }

  /** Latency of the link a hop takes. */
  hopLatencyNs({ collective }: Operation, hop: number): number {
    return this.#ports[collective!.hops[hop - 1]].latencyNs;
  }

  #rate(rank: number, operation: Operation, hop: number, load: number, copies?: Copies): LinkRate {
    const { era, schedule, model } = this.#configuration;
    const hardware = hardwareOf(this.#configuration, rank);
    const { mode, type, rateKind } = operation.collective!;
    const { bytesPerToken: bytes } = model;
    const ofDispatch = mode === 'low-latency' ? bytes.lowLatencyDispatch : bytes.dispatch;
    const ofMode = type === 'combine' ? bytes.combine : ofDispatch;
    return linkRate(hardware, this.#links[operation.collective!.hops[hop - 1]], {
      era,
      kind: rateKind,
      sms:
        mode === 'low-latency'
          ? lowLatencySms(hardware.gpu.sms, placedExperts(this.#configuration))
          : schedule.communicationSms,
      load: load / 1_000_000,
      messageBytes: mode === 'pipeline' ? bytes.pipeline : ofMode,
      copies,
    });
  }

  /**
   * How an out-port of a rank is busy with a segment of an operation.
   * @param load of the memory bandwidth by what computes beside the sender's transfer, in millionths.
   * @param copies what the sender's kernel copies for the hop, where it does.
   */
  service(
    rank: number,
    operation: Operation,
    hop: number,
    segment: { bytes: number; number: number },
    load: number,
    copies?: Copies,
  ): Service {
    const { GBps, perPeerNs } = this.#rate(rank, operation, hop, load, copies);
    return serviceTime(segment.bytes, GBps, segment.number === 0 ? perPeerNs : 0);
  }

  /** How long the bytes of a segment take an in-port of a rank. */
  receiveNs(rank: number, operation: Operation, hop: number, bytes: number): number {
    return serviceTime(bytes, this.#rate(rank, operation, hop, 0).portGBps, 0).totalNs;
  }

  /**
   * From the start of a transfer's kernel (an issue: the end) to when a hop's bytes can leave. Normal mode begins with all
   * its links at once; hops that do not wait for each other begin each with its own.
   */
  startNs({ collective }: Operation, hop: number, rank: number): number {
    const { hardware, era } = this.#configuration;
    const { mode, rateKind, hops } = collective!;
    const alone = this.column(rank).length === 0;
    const ofAll = alone ? [linksByReach(collective!).inside] : hops;
    const links = mode === 'normal' ? ofAll : [hops[hop - 1]];
    const names = links.map((link) => this.#links[link]);
    return transferStartNs(hardware, { era, kind: rateKind }, names, placedExperts(this.#configuration));
  }

  ports({ collective }: Operation, hop: number): { out: Port; in: Port } {
    const link = collective!.hops[hop - 1];
    return { out: outPort(link), in: inPort(link) };
  }
}
