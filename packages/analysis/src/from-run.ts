import { Columns } from '@epemu/core';
import type { Operation, Program } from '@epemu/schedule';
import type { RankTimeline } from '@epemu/timeline';
import { STATEMENT, bytesTo, programMetadata, transferName } from '@epemu/trace';
import type { RunDescription } from '@epemu/trace';
import type { KernelRoles } from './kernel-role.js';
import { KERNEL_COLUMNS } from './model.js';
import type { BackgroundTransfer, KernelColumns, PhaseInstance, TraceRank, TraceSet } from './model.js';
import { phaseInstance } from './phases/instance.js';
import { streamsOf } from './streams.js';

/** Takes the timelines of a run's ranks as what would be read from its trace files, without the files. */
export class RunRanks {
  readonly #run: RunDescription;
  readonly #program: Program;
  readonly #roles: KernelRoles;
  readonly #names: string[];
  /** By kernel of the program: its name's index. */
  readonly #nameOf: number[];
  readonly #operations: ReadonlyMap<number, Operation>;
  readonly #ranks: TraceRank[] = [];

  constructor(run: RunDescription, program: Program, roles: KernelRoles) {
    this.#run = run;
    this.#program = program;
    this.#roles = roles;
    this.#operations = new Map(program.operations.map((operation) => [operation.id, operation]));
    this.#names = [...new Set(program.kernels.map(({ name }) => name))];
    this.#nameOf = program.kernels.map(({ name }) => this.#names.indexOf(name));
  }

  /** Takes a rank; those without any kernel are left out. */
  add(timeline: RankTimeline): void {
    const { events, rank, services } = timeline;
    if (events.count === 0) return;
    const [start, end] = [events.column('startNs'), events.column('endNs')];
    const order = Uint32Array.from(start, (_, row) => row).sort((a, b) => start[a] - start[b] || a - b);
    const ids = this.#program.streams.map(({ id }) => id);
    const used = ids.filter((id) => events.column('stream').includes(id));
    const picked = (values: Float64Array, of: (value: number) => number = (value) => value): Float64Array =>
      Float64Array.from(order, (row) => of(values[row]));
    const instance = new Float64Array(order.length).fill(-1);
    const kernels: KernelColumns = Columns.from(KERNEL_COLUMNS, [
      picked(start),
      picked(end),
      picked(events.column('stream'), (id) => used.indexOf(id)),
      picked(events.column('kernel'), (kernel) => this.#nameOf[kernel]),
      instance,
    ]);
    const instances = this.#instances(kernels, picked(events.column('operation')));
    instances.forEach(({ rows }, index) => {
      for (const row of rows) instance[row] = index;
    });
    const sent = bytesTo(services, this.#run.ranks);
    this.#ranks.push({
      rank,
      file: `rank ${rank}`,
      kernels,
      streams: streamsOf(used, kernels, this.#names, this.#roles),
      instances,
      transfers: this.#transfers(timeline),
      inferred: false,
      bytesTo: { rdma: [...sent.rdma], nvlink: [...sent.nvlink], other: [] },
      // Exports read trace files, which tell them.
      sentBytes: new Map(),
    });
  }

  #instances(kernels: KernelColumns, operations: Float64Array): PhaseInstance[] {
    const rows = new Map<number, number[]>();
    operations.forEach((id, row) => {
      const list = rows.get(id);
      if (list === undefined) rows.set(id, [row]);
      else list.push(row);
    });
    const instances = [...rows].map(([id, list]) => {
      const { phase, layer } = this.#operations.get(id)!;
      return phaseInstance({ phase, layer, operation: id }, list, kernels);
    });
    return instances.sort((a, b) => a.startNs - b.startNs || a.rows[0] - b.rows[0]);
  }

  #transfers({ windows }: RankTimeline): BackgroundTransfer[] {
    const [ids, ends] = [windows.column('operation'), windows.column('endNs')];
    const transfers = Array.from(windows.column('startNs'), (startNs, row): BackgroundTransfer => {
      const phase = transferName(this.#operations.get(ids[row])!.phase);
      return { phase, startNs, endNs: ends[row], operation: ids[row] };
    });
    return transfers.sort((a, b) => a.startNs - b.startNs || a.endNs - b.endNs);
  }

  /** @returns the ranks added so far; undefined of none. */
  set(): TraceSet | undefined {
    if (this.#ranks.length === 0) return undefined;
    const { scenario, ranks, nodeSize, gpuName, deviceProperties, computeSms, communicationSms, configuration } =
      this.#run;
    const { layerMarker, operations } = programMetadata(this.#program);
    const { numSms } = deviceProperties;
    return {
      ranks: [...this.#ranks].sort((a, b) => a.rank - b.rank),
      names: this.#names,
      facts: {
        scenario,
        worldSize: ranks,
        nodeSize,
        gpuName,
        gpuSms: typeof numSms === 'number' ? numSms : undefined,
        computeSms,
        communicationSms,
        layerMarker,
        operations: operations.map(({ id, phase, layer, gates, issue }) => ({ id, phase, layer, gates, issue })),
        configuration,
        statement: STATEMENT,
      },
      source: 'emulated',
      files: [],
      problems: [],
    };
  }
}
