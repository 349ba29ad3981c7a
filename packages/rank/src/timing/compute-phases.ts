import { blocksHost, idLimit, operationsById } from '@epemu/schedule';
import type { Operation } from '@epemu/schedule';
import { loadOf, timeComputePhase } from '@epemu/timeline';
import type { KernelInterval, PhaseKernelTiming } from '@epemu/timeline';
import type { Span, TimingContext } from './context.js';
import type { Activity } from './event-queue.js';
import type { HostClock } from './host.js';
import type { KernelTimes } from './kernel-times.js';
import { OperationTimes } from './operation-times.js';

/** A compute operation before it is timed. */
interface Work {
  readonly kernels: readonly PhaseKernelTiming[];
  /** When the CPU begins to launch each kernel, integer ns. */
  readonly launches: readonly number[];
  readonly load: number;
}

/** When a compute operation runs, integer ns. */
export interface PhaseTimes {
  readonly startNs: number;
  readonly endNs: number;
  /** When the next on its stream may start, but for the gap. */
  readonly freeNs: number;
  readonly intervals: readonly KernelInterval[];
  readonly launches: readonly number[];
}

/** What is asked in one go: of whom, by whom, and what is known so far. */
interface Question {
  readonly asker: Operation;
  readonly asked: ReadonlySet<number>;
  /** When the asker's transfer began; undefined where it has not. */
  readonly openNs: number | undefined;
  readonly answers: Map<number, (Span & { readonly freeNs: number }) | undefined>;
}

/**
 * Times a rank's compute operations, which share the GPU with the transfers beside them. An operation's end is known when
 * those of all transfers are that overlap it. A transfer that starts cannot wait for that: it looks at how computation
 * goes on if nothing changes from there, which is right until it ends itself, and longer it does not look.
 */
export class ComputePhases {
  readonly #context: TimingContext;
  readonly #host: HostClock;
  readonly #kernels: KernelTimes;
  readonly #gapNs: number;
  readonly #operations: ReadonlyMap<number, Operation>;
  /** By operation: the one before it on its stream. */
  readonly #previous = new Map<number, number>();
  /** Ends of all operations, and when their streams are free. */
  readonly #ends: OperationTimes;
  readonly #freed: OperationTimes;
  readonly #transferStarts: OperationTimes;
  readonly #transferEnds: OperationTimes;
  /** Of compute operations that have been timed. */
  readonly #done = new Map<number, Span & { readonly freeNs: number }>();
  readonly #works = new Map<number, Work>();

  /** @param ends of all operations; @param freed when their streams are free. */
  constructor(
    context: TimingContext,
    host: HostClock,
    kernels: KernelTimes,
    ends: OperationTimes,
    freed: OperationTimes,
  ) {
    const { program, queue, launch } = context;
    this.#context = context;
    this.#host = host;
    this.#kernels = kernels;
    this.#ends = ends;
    this.#freed = freed;
    this.#gapNs = launch.gapNs;
    this.#operations = operationsById(program);
    const last = new Map<number, number>();
    for (const { id, stream } of program.operations) {
      const before = last.get(stream);
      if (before !== undefined) this.#previous.set(id, before);
      last.set(stream, id);
    }
    this.#transferStarts = new OperationTimes(queue, idLimit(program));
    this.#transferEnds = new OperationTimes(queue, idLimit(program));
  }

  /** Tells that a transfer's kernel holds its SMs from now on. */
  transferBegins({ id }: Operation, startNs: number): void {
    this.#transferStarts.tell(id, startNs);
  }

  /** Tells that a transfer's kernel has ended. */
  transferEnds({ id }: Operation, endNs: number): void {
    this.#transferEnds.tell(id, endNs);
  }

  /** Times an operation that starts at `startNs`, with all transfers that overlap it. */
  *time(operation: Operation, startNs: number): Activity<PhaseTimes> {
    const work = yield* this.#workOf(operation);
    const beside: { id: number; startNs: number }[] = [];
    for (const id of operation.beside) beside.push({ id, startNs: yield* this.#transferStarts.of(id) });
    beside.sort((a, b) => a.startNs - b.startNs || a.id - b.id);
    const resident: KernelInterval[] = [];
    let times = this.#timed(operation, work, startNs, resident);
    for (const transfer of beside) {
      // One that begins later changes nothing, and those behind it neither.
      if (transfer.startNs >= times.endNs) break;
      const endNs = yield* this.#transferEnds.of(transfer.id);
      if (endNs <= startNs) continue;
      addTo(resident, { startNs: transfer.startNs, endNs });
      times = this.#timed(operation, work, startNs, resident);
    }
    this.#works.delete(operation.id);
    if (this.#context.asked.has(operation.id)) {
      const { endNs, freeNs } = times;
      this.#done.set(operation.id, { id: operation.id, startNs, endNs, freeNs, load: work.load });
    }
    return times;
  }

  /**
   * @param notified whether the asker's notify has ended.
   * @param openNs when its transfer began; undefined where it has not.
   * @returns when compute operations run that may be beside a collective, right up to now, or to the transfer's end.
   */
  *beside(asker: Operation, notified: boolean, openNs: number | undefined): Activity<readonly Span[]> {
    // What the CPU launches behind the asker's notify has not started before the notify has ended.
    const ignored = !notified && blocksHost(this.#context.program, asker);
    const asked = new Set(ignored ? asker.beside.filter((id) => id < asker.id) : asker.beside);
    const question: Question = { asker, asked, openNs, answers: new Map() };
    const spans: Span[] = [];
    for (const id of asked) {
      const span = yield* this.#answer(question, id);
      if (span !== undefined) spans.push(span);
    }
    return spans;
  }

  *#answer(question: Question, id: number): Activity<(Span & { readonly freeNs: number }) | undefined> {
    const { answers } = question;
    if (answers.has(id)) return answers.get(id);
    let answer = this.#done.get(id);
    if (answer === undefined) {
      const operation = this.#operations.get(id)!;
      const afterNs = yield* this.#afterNs(question, operation);
      if (afterNs !== undefined) {
        const work = yield* this.#workOf(operation);
        const couldNs = Math.max(afterNs + this.#gapNs, this.#host.earliestNs(work.launches[0]));
        const startNs = this.#context.disturbance.awakeNs(couldNs);
        const { endNs, freeNs } = this.#timed(operation, work, startNs, this.#residentFor(operation, question));
        answer = { id, startNs, endNs, freeNs, load: work.load };
      }
    }
    answers.set(id, answer);
    return answer;
  }

  /** @returns when what an operation waits for has ended; undefined where something has not even been launched. */
  *#afterNs(question: Question, operation: Operation): Activity<number | undefined> {
    const { asked, asker } = question;
    let afterNs = Number.NEGATIVE_INFINITY;
    const previous = this.#previous.get(operation.id);
    for (const id of previous === undefined ? operation.gates : [previous, ...operation.gates]) {
      const isPrevious = id === previous;
      if (asked.has(id)) {
        const before = yield* this.#answer(question, id);
        if (before === undefined) return undefined;
        afterNs = Math.max(afterNs, isPrevious ? before.freeNs : before.endNs);
        if (isPrevious && operation.gates.includes(id)) afterNs = Math.max(afterNs, before.endNs);
      } else if (asker.beside.includes(id)) {
        return undefined;
      } else {
        if (isPrevious) afterNs = Math.max(afterNs, yield* this.#freed.of(id));
        if (operation.gates.includes(id)) afterNs = Math.max(afterNs, yield* this.#ends.of(id));
      }
    }
    return afterNs;
  }

  /** Transfers beside an operation as far as the asker knows them: those before it have ended, its own goes on. */
  #residentFor({ beside }: Operation, { asker, openNs }: Question): KernelInterval[] {
    const known: KernelInterval[] = [];
    for (const id of beside) {
      const [startNs, endNs] = [this.#transferStarts.known(id), this.#transferEnds.known(id)];
      if (id === asker.id) {
        if (openNs !== undefined) known.push({ startNs: openNs, endNs: Number.POSITIVE_INFINITY });
      } else if (startNs !== undefined && endNs !== undefined) {
        known.push({ startNs, endNs });
      }
    }
    known.sort((a, b) => a.startNs - b.startNs);
    const resident: KernelInterval[] = [];
    for (const interval of known) addTo(resident, interval);
    return resident;
  }

  #timed(operation: Operation, work: Work, startNs: number, resident: readonly KernelInterval[]): PhaseTimes {
    const { kernels, launches } = work;
    const intervals = timeComputePhase(kernels, startNs, this.#gapNs, resident, this.#context.disturbance);
    let endNs = startNs;
    let freeNs = startNs;
    intervals.forEach((interval, index) => {
      endNs = Math.max(endNs, interval.endNs);
      if (kernels[index].stream === operation.stream) freeNs = Math.max(freeNs, interval.endNs);
    });
    return { startNs, endNs, freeNs, intervals, launches };
  }

  *#workOf(operation: Operation): Activity<Work> {
    const { id, kernels: uses } = operation;
    const launches: number[] = [];
    for (let index = 0; index < uses.length; index++) launches.push(yield* this.#host.launchNs(id, index));
    const made = this.#works.get(id);
    if (made !== undefined) return made;
    let [allNs, memoryNs] = [0, 0];
    const kernels = uses.map(({ stream, after }, index): PhaseKernelTiming => {
      const shares = this.#kernels.ofCompute(operation, index);
      allNs += shares.soloNs;
      memoryNs += shares.memoryNs;
      const { soloNs, besideNs } = shares;
      const launchedNs = this.#host.earliestNs(launches[index]);
      return { stream: stream ?? operation.stream, soloNs, besideNs, after, launchedNs };
    });
    const work = { kernels, launches, load: loadOf(memoryNs, allNs) };
    this.#works.set(id, work);
    return work;
  }
}

/** Adds an interval that begins no earlier than those before it. */
function addTo(resident: KernelInterval[], { startNs, endNs }: KernelInterval): void {
  const last = resident.at(-1);
  if (last !== undefined && startNs <= last.endNs) last.endNs = Math.max(last.endNs, endNs);
  else resident.push({ startNs, endNs });
}
