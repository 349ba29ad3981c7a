import type { Columns } from '@epemu/core';
import { kernelClass, operationsById, portCount } from '@epemu/schedule';
import type { Operation, Program } from '@epemu/schedule';
import { GrowingUnion } from './growing-union.js';
import type {
  EVENT_COLUMNS,
  RECEIPT_COLUMNS,
  RankTimeline,
  SERVICE_COLUMNS,
  TRANSFER_COLUMNS,
} from './rank-timeline.js';

/** What a collective is the forward or the backward of: `combine(B)`, which sends as a dispatch does, is a combine. */
export type CollectiveName = 'dispatch' | 'combine';

/** Told of each dispatch and combine that has ended: from its start to its last byte or reduction, virtual ns. */
export type CollectiveListener = (name: CollectiveName, operation: Operation, durationNs: number) => void;

/** @returns which collective an operation runs; undefined for none, and for pipeline communication. */
function collectiveName({ collective }: Operation): CollectiveName | undefined {
  if (collective === undefined || collective.mode === 'pipeline') return undefined;
  const isDispatch = (collective.type === 'dispatch') === (collective.direction === 'forward');
  return isDispatch ? 'dispatch' : 'combine';
}

/** A collective of which kernels are still to come. */
interface OpenCollective {
  left: number;
  startNs: number;
  endNs: number;
}

/** What a port has served. */
export interface PortSums {
  bytes: number;
  segments: number;
}

/** Rows of a growing table, each taken once. */
class NewRows<Names extends string> {
  readonly #columns: Columns<Names>;
  #taken = 0;

  constructor(columns: Columns<Names>) {
    this.#columns = columns;
  }

  /** @returns these columns of the rows that came since the last call. */
  take(...names: readonly Names[]): Float64Array[] {
    const firstRow = this.#taken;
    this.#taken = this.#columns.count;
    return names.map((name) => this.#columns.columnFrom(name, firstRow));
  }
}

/**
 * Figures of one rank that follow its timeline while that grows: the same as its view has of all of it, at the
 * cost of what is new. Times are virtual integer ns.
 */
export class RunningFigures {
  readonly #operations: ReadonlyMap<number, Operation>;
  readonly #events: NewRows<(typeof EVENT_COLUMNS)[number]>;
  readonly #transfers: NewRows<(typeof TRANSFER_COLUMNS)[number]>;
  readonly #services: NewRows<(typeof SERVICE_COLUMNS)[number]>;
  readonly #receipts: NewRows<(typeof RECEIPT_COLUMNS)[number]>;
  readonly #compute = new GrowingUnion();
  readonly #communication = new GrowingUnion();
  /** By index of the program's kernels. */
  readonly #classes: readonly ReturnType<typeof kernelClass>[];
  readonly #open = new Map<number, OpenCollective>();
  readonly #busyNs = new Map<number | null, Map<string, number>>();
  #startNs = Number.POSITIVE_INFINITY;
  #reachedNs = 0;
  #overlapNs = 0;
  #receivedTokens = 0;
  #expertRows = 0;
  /** By number of the port. */
  readonly ports: readonly PortSums[];

  constructor(timeline: RankTimeline, program: Program) {
    this.#events = new NewRows(timeline.events);
    this.#transfers = new NewRows(timeline.transfers);
    this.#services = new NewRows(timeline.services);
    this.#receipts = new NewRows(timeline.receipts);
    this.#operations = operationsById(program);
    this.#classes = program.kernels.map(kernelClass);
    this.ports = Array.from({ length: portCount(program) }, () => ({ bytes: 0, segments: 0 }));
  }

  /** The last end of anything recorded. */
  get reachedNs(): number {
    return this.#reachedNs;
  }

  /** From the first start to the last end. */
  get spanNs(): number {
    return Math.max(0, this.#reachedNs - this.#startNs);
  }

  /** With compute running; copies and fills do not count. */
  get computeNs(): number {
    return this.#compute.lengthNs;
  }

  /** With communication running, background transfers included. */
  get communicationNs(): number {
    return this.#communication.lengthNs;
  }

  /** With both. */
  get overlapNs(): number {
    return this.#overlapNs;
  }

  /**
   * Communication with no compute, as known so far: it falls again when compute of the same virtual time is recorded
   * later, as the order of recording is the host's.
   */
  get exposedNs(): number {
    return this.communicationNs - this.#overlapNs;
  }

  /** Distinct tokens that the rank's experts received, summed over forward dispatches. */
  get receivedTokens(): number {
    return this.#receivedTokens;
  }

  /** (token, expert) rows of the same. */
  get expertRows(): number {
    return this.#expertRows;
  }

  /** Time with kernels running, by stream and phase; of background transfers, whose stream is null. */
  *busy(): Generator<{ readonly stream: number | null; readonly phase: string; readonly ns: number }> {
    for (const [stream, phases] of this.#busyNs) for (const [phase, ns] of phases) yield { stream, phase, ns };
  }

  /** Takes in what was recorded since the last call. */
  update(onCollective?: CollectiveListener): void {
    this.#takeEvents(onCollective);
    this.#takeTransfers(onCollective);
    this.#takeServices();
    this.#takeReceipts();
  }

  #takeEvents(onCollective: CollectiveListener | undefined): void {
    const [stream, kernel, operation, starts, ends] = this.#events.take(
      'stream',
      'kernel',
      'operation',
      'startNs',
      'endNs',
    );
    for (let row = 0; row < starts.length; row++) {
      const [startNs, endNs] = [starts[row], ends[row]];
      const owner = this.#operations.get(operation[row])!;
      this.#addSpan(startNs, endNs);
      this.#addBusy(stream[row], owner.phase, endNs - startNs);
      const of = this.#classes[kernel[row]];
      if (of === 'communication') this.#addCommunication(startNs, endNs);
      else if (of === 'compute') this.#addCompute(startNs, endNs);
      if (owner.kind === 'collective') this.#addKernel(owner, startNs, endNs, onCollective);
    }
  }

  #takeTransfers(onCollective: CollectiveListener | undefined): void {
    const [issues, starts, ends] = this.#transfers.take('operation', 'startNs', 'endNs');
    for (let row = 0; row < starts.length; row++) {
      const [startNs, endNs] = [starts[row], ends[row]];
      const issue = this.#operations.get(issues[row])!;
      this.#addSpan(startNs, endNs);
      this.#addBusy(null, issue.transfer!, endNs - startNs);
      this.#addCommunication(startNs, endNs);
      const name = collectiveName(issue);
      if (name !== undefined) onCollective?.(name, issue, endNs - startNs);
    }
  }

  #takeServices(): void {
    const [port, bytes] = this.#services.take('port', 'bytes');
    for (let row = 0; row < port.length; row++) {
      const sums = this.ports[port[row]];
      sums.bytes += bytes[row];
      sums.segments++;
    }
  }

  #takeReceipts(): void {
    const [tokens, rows] = this.#receipts.take('receivedTokens', 'expertRows');
    for (let row = 0; row < tokens.length; row++) {
      this.#receivedTokens += tokens[row];
      this.#expertRows += rows[row];
    }
  }

  /** What is empty bounds nothing: a union leaves it out. */
  #addSpan(startNs: number, endNs: number): void {
    if (endNs <= startNs) return;
    this.#startNs = Math.min(this.#startNs, startNs);
    this.#reachedNs = Math.max(this.#reachedNs, endNs);
  }

  #addBusy(stream: number | null, phase: string, ns: number): void {
    let phases = this.#busyNs.get(stream);
    if (phases === undefined) this.#busyNs.set(stream, (phases = new Map<string, number>()));
    phases.set(phase, (phases.get(phase) ?? 0) + ns);
  }

  #addCompute(startNs: number, endNs: number): void {
    this.#compute.add(startNs, endNs, (fromNs, untilNs) => {
      this.#overlapNs += this.#communication.within(fromNs, untilNs);
    });
  }

  #addCommunication(startNs: number, endNs: number): void {
    this.#communication.add(startNs, endNs, (fromNs, untilNs) => {
      this.#overlapNs += this.#compute.within(fromNs, untilNs);
    });
  }

  #addKernel(owner: Operation, startNs: number, endNs: number, onCollective: CollectiveListener | undefined): void {
    const name = collectiveName(owner);
    if (name === undefined) return;
    const open = this.#open.get(owner.id) ?? { left: owner.kernels.length, startNs, endNs };
    open.left--;
    open.startNs = Math.min(open.startNs, startNs);
    open.endNs = Math.max(open.endNs, endNs);
    if (open.left > 0) {
      this.#open.set(owner.id, open);
      return;
    }
    this.#open.delete(owner.id);
    onCollective?.(name, owner, open.endNs - open.startNs);
  }
}
