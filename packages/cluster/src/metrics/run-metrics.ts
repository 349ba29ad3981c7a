import { COUNTED, RUN_STATES } from '@epemu/metrics';
import type { Collector, Exposition, RunState, Stage } from '@epemu/metrics';
import { showReport } from '@epemu/outputs';
import type { Report } from '@epemu/outputs';
import { ProgressTracker } from '../progress-tracker.js';
import type { RunEvent } from '../run-events.js';

type Counted = Record<(typeof COUNTED)[number], number>;

const NONE: Counted = { wanted: 0, joined: 0, finished: 0, lost: 0 };

/** Shows how a run goes, from the events that its coordinator tells, and what it came to, from its report. */
export class RunMetrics implements Collector {
  readonly #ranks: Counted = { ...NONE };
  readonly #workers: Counted = { ...NONE };
  readonly #ranksOfWorker = new Map<number, readonly number[]>();
  /** Slots of the workers that have joined. */
  #slots = 0;
  #layers: number | undefined;
  #refused = 0;
  #progress: ProgressTracker | undefined;
  #share = 0;
  #report: Report | undefined;
  #state: RunState = 'starting';
  /** Host time in past stages, s, and when the present one began. */
  readonly #stageSeconds = new Map<Stage, number>();
  #stage: Stage = 'startup';
  #stageSince = performance.now();

  /** What the run is at. */
  get state(): RunState {
    return this.#state;
  }

  /** Takes in what has happened. */
  note(event: RunEvent): void {
    switch (event.type) {
      case 'begun':
        this.#begin(event);
        return;
      case 'listening':
        this.#state = 'joining';
        return;
      case 'joined':
        this.#join(event.slots, 1);
        return;
      case 'withdrawn':
        this.#join(-event.slots, -1);
        return;
      case 'refused':
        this.#refused += event.count ?? 1;
        return;
      case 'placed':
        this.#workers.wanted = event.workers.length;
        this.#workers.joined = Math.max(this.#workers.joined, event.workers.length);
        this.#ranks.joined = this.#ranks.wanted;
        for (const { worker, ranks } of event.workers) this.#ranksOfWorker.set(worker, ranks);
        return;
      case 'connecting':
        this.#state = 'connecting';
        return;
      case 'started':
        this.#state = 'running';
        this.#enter('emulate');
        return;
      case 'moved':
        // Streams take turns: a rank's latest operation may be before its furthest.
        this.#share = Math.max(this.#share, this.#progress?.note(event.operations)?.share ?? 0);
        return;
      case 'finished':
        this.#count('finished', event.worker);
        return;
      case 'lost':
        this.#count('lost', event.worker);
        return;
      case 'failed':
        return;
      case 'merging':
        this.#state = 'merging';
        this.#enter('merge');
        return;
      case 'ended':
        this.#report = event.report;
        this.#state = event.report.status === 'ok' ? 'succeeded' : 'failed';
        if (this.#state === 'succeeded') this.#share = 1;
        return;
    }
  }

  collect(exposition: Exposition): void {
    for (const state of RUN_STATES) exposition.set('runState', { state }, state === this.#state ? 1 : 0);
    for (const state of COUNTED) {
      exposition.set('runRanks', { state }, this.#ranks[state]);
      exposition.set('runWorkers', { state }, this.#workers[state]);
    }
    if (this.#layers !== undefined) exposition.set('runLayers', {}, this.#layers);
    exposition.set('progress', {}, this.#share);
    exposition.set('refusedWorkers', {}, this.#refused);
    if (this.#report === undefined) {
      for (const [stage, seconds] of this.#stageSeconds) exposition.set('stageTime', { stage }, seconds);
      exposition.set('stageTime', { stage: this.#stage }, this.#sinceStage());
    } else {
      showReport(this.#report, exposition);
    }
  }

  #begin({ configuration, program }: Extract<RunEvent, { type: 'begun' }>): void {
    const { ranks, ranksPerWorker, layers, fabric } = configuration;
    this.#layers = layers;
    this.#ranks.wanted = ranks;
    this.#workers.wanted = fabric === 'memory' ? 1 : Math.ceil(ranks / ranksPerWorker);
    this.#progress = new ProgressTracker(program, ranks);
    this.#stageSince = performance.now();
  }

  #join(slots: number, workers: number): void {
    this.#slots += slots;
    this.#workers.joined += workers;
    this.#ranks.joined = Math.min(this.#slots, this.#ranks.wanted);
  }

  #count(what: 'finished' | 'lost', worker: number): void {
    this.#workers[what]++;
    this.#ranks[what] += this.#ranksOfWorker.get(worker)?.length ?? 0;
  }

  #enter(stage: Stage): void {
    this.#stageSeconds.set(this.#stage, this.#sinceStage());
    this.#stage = stage;
    this.#stageSince = performance.now();
  }

  #sinceStage(): number {
    return (performance.now() - this.#stageSince) / 1000;
  }
}
