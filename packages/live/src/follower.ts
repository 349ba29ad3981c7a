import type { PlacedWorker, RunEvent } from '@epemu/cluster';
import type { Configuration } from '@epemu/config';
import { plainText } from '@epemu/pages';
import { logLine } from './log-lines.js';
import { MessageRate } from './message-rate.js';
import { paceOf } from './pace.js';
import { RowTracker } from './row-tracker.js';
import { runHead } from './run-head.js';
import { runResult } from './run-result.js';
import { initialState } from './state.js';
import type { Joining, LiveFacts, LiveUpdate, LiveWorker, LogLine, RunHead } from './state.js';

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * Turns a run's events into updates of what a live page shows. Between two updates it gathers what is new; it keeps no
 * move that it has handed out.
 */
export class RunFollower {
  readonly #now: () => number;
  #begunAt = 0;
  #endedAt: number | undefined;
  #configuration: Configuration | undefined;
  #rows: RowTracker | undefined;
  #placed: readonly PlacedWorker[] = [];
  #joining: Joining = initialState().facts.joining;
  #workers: LiveWorker[] = [];
  readonly #rate = new MessageRate();
  #rowsTold = 0;
  #ranksEnded = false;
  /** Ranks and operations that the run has. */
  #known = { ranks: 0, operations: 0 };

  /** By rank: operations that have ended. With several streams, the one begun last need not be the program's last. */
  readonly #endedOf = new Map<number, number>();

  // What is new since the last update.
  #head: RunHead | undefined;
  #facts: Partial<Writable<LiveFacts>> = {};
  readonly #positions = new Map<number, number>();
  #moves: number[] = [];
  #log: LogLine[] = [];

  /** @param now host time, ms; never goes back. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Takes in an event of the run. */
  note(event: RunEvent): void {
    if (event.type === 'begun') this.#begin(event);
    const line = logLine(event, this.#placed, this.#elapsedMs());
    if (line !== undefined) this.#log.push(line);
    this.#noteJoining(event);
    switch (event.type) {
      case 'placed':
        this.#placed = event.workers;
        this.#workers = event.workers.map(({ worker, host, pid, ranks }) => {
          return { worker, host: plainText(host), pid, ranks, state: 'running' as const };
        });
        this.#facts.workers = this.#workers;
        this.#facts.stage = 'connecting';
        return;
      case 'started':
        this.#facts.stage = 'running';
        return;
      case 'moved':
        this.#noteMoves(event);
        return;
      case 'finished':
        this.#setWorker(event.worker, this.#hasEnded(event.worker) ? 'finished' : 'stopped');
        return;
      case 'lost':
        this.#setWorker(event.worker, 'lost');
        return;
      case 'merging':
        this.#ranksEnded = true;
        this.#facts.stage = 'merging';
        return;
      case 'ended':
        this.#endedAt = this.#now();
        this.#facts.stage = 'ended';
        this.#facts.result = runResult(event.folder, event.report);
        return;
    }
  }

  /** @returns what is new since the last call; undefined for nothing. */
  take(): LiveUpdate | undefined {
    this.#tellRows();
    const messages = this.#ranksEnded ? this.#rate.stop() : this.#rate.take(this.#now());
    if (messages !== undefined) this.#facts.messages = messages;
    const update: Writable<LiveUpdate> = { elapsedMs: this.#elapsedMs() };
    if (this.#head !== undefined) update.head = this.#head;
    if (Object.keys(this.#facts).length > 0) update.facts = this.#facts;
    if (this.#positions.size > 0) update.positions = [...this.#positions].flat();
    if (this.#moves.length > 0) update.moves = this.#moves;
    if (this.#log.length > 0) update.log = this.#log;
    if (Object.keys(update).length === 1) return undefined;
    this.#head = undefined;
    this.#facts = {};
    this.#positions.clear();
    this.#moves = [];
    this.#log = [];
    return update;
  }

  #elapsedMs(): number {
    return Math.round((this.#endedAt ?? this.#now()) - this.#begunAt);
  }

  #begin({ runId, configuration, program, external }: Extract<RunEvent, { type: 'begun' }>): void {
    this.#begunAt = this.#now();
    this.#configuration = configuration;
    this.#rows = new RowTracker(program, configuration.ranks);
    this.#head = runHead({ runId, configuration, program, external, startedAtMs: Date.now() });
    this.#known = { ranks: configuration.ranks, operations: program.operations.length };
    this.#facts = { stage: 'joining' };
  }

  #noteJoining(event: RunEvent): void {
    const { workers, slots, refused } = this.#joining;
    const change = (joining: Partial<Joining>): void => {
      this.#joining = { ...this.#joining, ...joining };
      this.#facts.joining = this.#joining;
    };
    if (event.type === 'listening') change({ url: plainText(event.url) });
    else if (event.type === 'joined') change({ workers: workers + 1, slots: slots + event.slots });
    else if (event.type === 'withdrawn') change({ workers: workers - 1, slots: slots - event.slots });
    else if (event.type === 'refused')
      change({ refused: refused + (event.count ?? 1), lastRefusal: plainText(event.reason) });
  }

  #noteMoves({ worker, operations, messagesSent, moves }: Extract<RunEvent, { type: 'moved' }>): void {
    const { ranks, operations: columns } = this.#known;
    // Workers say what they like; what no rank of this run can do must not end it here.
    const isKnown = (rank: number, operation: number): boolean =>
      rank >= 0 && rank < ranks && operation >= 0 && operation < columns;
    for (const [rank, operation] of operations) {
      if (isKnown(rank, operation)) this.#positions.set(rank, operation);
    }
    this.#rate.note(worker, messagesSent);
    for (const move of moves) {
      const { rank, operation, background, startNs, endNs } = move;
      if (!isKnown(rank, operation)) continue;
      if (!background) this.#endedOf.set(rank, (this.#endedOf.get(rank) ?? 0) + 1);
      this.#moves.push(rank, operation, background ? 1 : 0, startNs, endNs);
      this.#rows?.note(move);
    }
  }

  /** @returns whether all ranks of a worker have ended all operations. */
  #hasEnded(worker: number): boolean {
    const { operations } = this.#known;
    return (this.#placed[worker]?.ranks ?? []).every((rank) => this.#endedOf.get(rank) === operations);
  }

  #setWorker(worker: number, state: LiveWorker['state']): void {
    this.#workers = this.#workers.map((before) => (before.worker === worker ? { ...before, state } : before));
    this.#facts.workers = this.#workers;
  }

  /** Tells of rows that all ranks have ended since the last update. */
  #tellRows(): void {
    const last = this.#rows?.last;
    if (this.#rows === undefined || last === undefined || this.#rows.rows === this.#rowsTold) return;
    this.#rowsTold = this.#rows.rows;
    const { row, layer, lagNs } = last;
    this.#facts.lag = { row, layer, rows: this.#rowsTold, ns: lagNs, meanNs: this.#rows.meanLagsNs() };
    const pace = paceOf(this.#configuration!, this.#rows);
    if (pace !== undefined) this.#facts.pace = pace;
  }
}
