import type { Configuration } from '@epemu/config';
import { transferRates } from '@epemu/presets';
import { hopsOf } from '@epemu/schedule';
import type { Operation } from '@epemu/schedule';
import { serviceNs } from '../ports.js';
import { PORT } from '../record.js';
import type { Port } from '../record.js';

/** What replay knows of the modelled machine; all of it from the run's configuration. */
export class ReplayModel {
  readonly ranks: number;
  readonly nodeSize: number;
  readonly gapNs: number;
  readonly notifyHostLagNs: number;
  readonly #configuration: Configuration;

  constructor(configuration: Configuration) {
    this.#configuration = configuration;
    this.ranks = configuration.ranks;
    this.nodeSize = Math.min(configuration.hardware.nodeSize, configuration.ranks);
    this.gapNs = configuration.hardware.kernelGapNs;
    this.notifyHostLagNs = configuration.hardware.notifyHostLagNs;
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

  /** How long a port needs for a segment of an operation. */
  serviceNs(operation: Operation, hop: number, bytes: number): number {
    const rates = transferRates(
      this.#configuration.hardware,
      operation.collective!.rateKind,
      this.#configuration.schedule.communicationSms,
    );
    return serviceNs(bytes, hopsOf(operation.collective!)[hop - 1] === 'rdma' ? rates.rdmaGBps : rates.nvlinkGBps);
  }

  ports(operation: Operation, hop: number): { out: Port; in: Port } {
    return hopsOf(operation.collective!)[hop - 1] === 'rdma'
      ? { out: PORT.rdmaOut, in: PORT.rdmaIn }
      : { out: PORT.nvlinkOut, in: PORT.nvlinkIn };
  }
}
