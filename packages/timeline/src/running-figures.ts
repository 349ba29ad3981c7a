import { isCopy, operationsById } from '@epemu/schedule';
import type { Operation, Program } from '@epemu/schedule';
import { GrowingUnion } from './growing-union.js';
import { PORT } from './record.js';
import type { RankTimeline } from './record.js';

/** What a collective is the forward or the backward of: `combine(B)`, which sends as a dispatch does, is a combine. */
export type CollectiveName = 'dispatch' | 'combine';

/** Told of each dispatch and combine that has ended: from its start to its last byte or reduction, virtual ns. */
export type CollectiveListener = (name: CollectiveName, operation: Operation, durationNs: number) => void;

/** @returns which collective an operation runs; undefined for none, and for pipeline communication. */
function collectiveName({ collective }: Operation): CollectiveName | undefined {
  if (collective === undefined || collective.mode === 'pipeline') return undefined;
  const other = collective.type === 'dispatch' ? 'combine' : 'dispatch';
  return collective.direction === 'forward' ? collective.type : other;
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

/**
 * Figures of one rank that follow its timeline while that grows: the same as its view has of all of it, at the
 * cost of what is new. Times are virtual integer ns.
 */
export class RunningFigures {
  readonly #timeline: RankTimeline;
  readonly #program: Program;
  readonly #operations: ReadonlyMap<number, Operation>;
  /** Rows of the timeline's columns taken in so far. */
  readonly #taken = { events: 0, windows: 0, services: 0, receipts: 0 };
  readonly #compute = new GrowingUnion();
  readonly #communication = new GrowingUnion();
  readonly #copies: readonly boolean[];
  readonly #open = new Map<number, OpenCollective>();
  readonly #busyNs = new Map<number | null, Map<string, number>>();
  #startNs = Number.POSITIVE_INFINITY;
  #reachedNs = 0;
  #overlapNs = 0;
  #receivedTokens = 0;
  #expertRows = 0;
  /** By {@link PORT}. */
  readonly ports: readonly PortSums[] = Object.values(PORT).map(() => ({ bytes: 0, segments: 0 }));

  constructor(timeline: RankTimeline, program: Program) {
    this.#timeline = timeline;
    this.#program = program;
    this.#operations = operationsById(program);
    this.#copies = program.kernels.map(isCopy);
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
    this.#takeWindows(onCollective);
    this.#takeServices();
    this.#takeReceipts();
  }

  #takeEvents(onCollective: CollectiveListener | undefined): void {
    const { events } = this.#timeline;
    const [stream, kernel, operation] = [events.column('stream'), events.column('kernel'), events.column('operation')];
    const [starts, ends] = [events.column('startNs'), events.column('endNs')];
    for (let row = this.#taken.events; row < events.count; row++) {
      const [startNs, endNs] = [starts[row], ends[row]];
      const owner = this.#operations.get(operation[row])!;
      this.#addSpan(startNs, endNs);
      this.#addBusy(stream[row], owner.phase, endNs - startNs);
      if (this.#program.kernels[kernel[row]].class === 'communication') this.#addCommunication(startNs, endNs);
      else if (!this.#copies[kernel[row]]) this.#addCompute(startNs, endNs);
      if (owner.kind === 'collective') this.#addKernel(owner, startNs, endNs, onCollective);
    }
    this.#taken.events = events.count;
  }

  #takeWindows(onCollective: CollectiveListener | undefined): void {
    const { windows } = this.#timeline;
    const [issues, starts, ends] = [windows.column('operation'), windows.column('startNs'), windows.column('endNs')];
    for (let row = this.#taken.windows; row < windows.count; row++) {
      const [startNs, endNs] = [starts[row], ends[row]];
      const issue = this.#operations.get(issues[row])!;
      this.#addSpan(startNs, endNs);
      this.#addBusy(null, issue.transfer!, endNs - startNs);
      this.#addCommunication(startNs, endNs);
      const name = collectiveName(issue);
      if (name !== undefined) onCollective?.(name, issue, endNs - startNs);
    }
    this.#taken.windows = windows.count;
  }

  #takeServices(): void {
    const { services } = this.#timeline;
    const [port, bytes] = [services.column('port'), services.column('bytes')];
    for (let row = this.#taken.services; row < services.count; row++) {
      const sums = this.ports[port[row]];
      sums.bytes += bytes[row];
      sums.segments++;
    }
    this.#taken.services = services.count;
  }

  #takeReceipts(): void {
    const { receipts } = this.#timeline;
    const [tokens, rows] = [receipts.column('receivedTokens'), receipts.column('expertRows')];
    for (let row = this.#taken.receipts; row < receipts.count; row++) {
      this.#receivedTokens += tokens[row];
      this.#expertRows += rows[row];
    }
    this.#taken.receipts = receipts.count;
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
