import type { Configuration } from '@epemu/config';
import { linkRate } from '@epemu/presets';
import type { HardwarePreset } from '@epemu/presets';
import { hopsOf } from '@epemu/schedule';
import type { Operation } from '@epemu/schedule';
import { serviceTime } from '../ports.js';
import { PORT } from '../rank-timeline.js';
import type { Port } from '../rank-timeline.js';

/** How long a port is busy with a segment, and how long of that before its first byte; integer ns. */
type Service = ReturnType<typeof serviceTime>;

/** What replay knows of the modelled machine; all of it from the run's configuration. */
export class ReplayModel {
  readonly ranks: number;
  readonly nodeSize: number;
  readonly gapNs: number;
  readonly host: HardwarePreset['host'];
  readonly #configuration: Configuration;

  constructor(configuration: Configuration) {
    this.#configuration = configuration;
    this.ranks = configuration.ranks;
    this.nodeSize = Math.min(configuration.hardware.nodeSize, configuration.ranks);
    this.gapNs = configuration.hardware.kernelGapNs;
    this.host = configuration.hardware.host;
  }

  /** Same-index ranks of the other nodes. */
  column(rank: number): number[] {
    const all = Array.from(
      { length: this.ranks / this.nodeSize },
      (_, node) => node * this.nodeSize + (rank % this.nodeSize),
    );
    return all.filter((peer) => peer !== rank);
  }

  /** The other ranks of the node. */
  neighbours(rank: number): number[] {
    const first = rank - (rank % this.nodeSize);
    return Array.from({ length: this.nodeSize }, (_, i) => first + i).filter((peer) => peer !== rank);
  }

  latencyNs(link: 'rdma' | 'nvlink'): number {
    return this.#configuration.hardware.ports[link].latencyNs;
  }

  /** Latency of the link a hop takes. */
  hopLatencyNs(operation: Operation, hop: number): number {
    return this.latencyNs(hopsOf(operation.collective!)[hop - 1]);
  }

  /**
   * How an out-port is busy with a segment of an operation.
   * @param beside whether compute ran beside the sender's transfer when it started.
   */
  service(operation: Operation, hop: number, segment: { bytes: number; number: number }, beside: boolean): Service {
    const { hardware, era, schedule, model } = this.#configuration;
    const { mode, type, rateKind } = operation.collective!;
    const { bytesPerToken: bytes } = model;
    const ofDispatch = mode === 'low-latency' ? bytes.lowLatencyDispatch : bytes.dispatch;
    const ofMode = type === 'combine' ? bytes.combine : ofDispatch;
    const { GBps, perPeerNs } = linkRate(hardware, hopsOf(operation.collective!)[hop - 1], {
      era,
      kind: rateKind,
      sms: schedule.communicationSms,
      besideCompute: beside,
      messageBytes: mode === 'pipeline' ? bytes.pipeline : ofMode,
    });
    return serviceTime(segment.bytes, GBps, segment.number === 0 ? perPeerNs : 0);
  }

  ports(operation: Operation, hop: number): { out: Port; in: Port } {
    return hopsOf(operation.collective!)[hop - 1] === 'rdma'
      ? { out: PORT.rdmaOut, in: PORT.rdmaIn }
      : { out: PORT.nvlinkOut, in: PORT.nvlinkIn };
  }
}
