/**
 * What a live page knows of a run. Server and page build it from the same updates by the same code: a page that joins
 * late takes the whole state first. Nothing here grows with the length of a run.
 */

/** Version of what `/events` sends. */
export const LIVE_SCHEMA = 'epemu-live/1';

/** Rows of the schedule (layers) whose moves are kept for each rank. */
export const KEPT_ROWS = 4;
/** Lines of the log that are kept. */
export const KEPT_LOG_LINES = 200;
/** Numbers that a kept move takes: operation, 1 for a background transfer, start and end in virtual ns. */
export const MOVE_NUMBERS = 4;

/** Files that are whole while a run is under way; all others are once it has ended. */
export const WHOLE_BEFORE_THE_END: readonly string[] = ['config.json', 'run.log'];

/** How far a run is: `preparing` until it has a folder, `ended` once its report is written. */
export type Stage = 'preparing' | 'joining' | 'connecting' | 'running' | 'merging' | 'ended';

/** Operations of the program, which is the same for every rank, as columns by id. */
export interface OperationColumns {
  /** Index into the names. */
  readonly phase: readonly number[];
  /** Model layer that it works on. */
  readonly layer: readonly number[];
  /** Row of the schedule that launches it. */
  readonly row: readonly number[];
  readonly stream: readonly number[];
  /** 1 for communication (collectives, issues and waits), 0 for compute. */
  readonly communication: readonly number[];
  /** 0 in the warm-up cell, which enters no timeline. */
  readonly recorded: readonly number[];
  /** Share of its rank's operations that have been launched with it, 0 to 1. */
  readonly share: readonly number[];
}

/** What is known of a run from its beginning. */
export interface RunHead {
  readonly runId: string;
  readonly scenario: string;
  readonly ranks: number;
  /** GPUs of a node. */
  readonly nodeSize: number;
  readonly layers: number;
  readonly routing: string;
  readonly overlap: string;
  readonly fabric: string;
  readonly seed: number;
  /** Names of model and hardware preset. */
  readonly model: string;
  readonly hardware: string;
  /** Whether workers come from elsewhere instead of being started by the run. */
  readonly external: boolean;
  /** Host time at which the run began, ms since 1970. */
  readonly startedAtMs: number;
  /** Names of phases. */
  readonly phases: readonly string[];
  readonly operations: OperationColumns;
  /** Those that phases run on. */
  readonly streams: readonly { readonly id: number; readonly name: string }[];
  /** Whether transfers run in the background, on a network row. */
  readonly hasNetwork: boolean;
  /** The phase whose start begins a layer. */
  readonly layerMarker: string;
  /** The last row of the schedule that computes; the first whole one is 0. */
  readonly lastRow: number;
  /** Moves that are kept for each rank. */
  readonly keptMoves: number;
}

/** Who has come while ranks are not given out yet. */
export interface Joining {
  /** Address that workers must be given; null until it is listened on. */
  readonly url: string | null;
  readonly workers: number;
  readonly slots: number;
  readonly refused: number;
  readonly lastRefusal: string | null;
}

/** A worker that holds ranks. */
export interface LiveWorker {
  readonly worker: number;
  readonly host: string;
  readonly pid: number;
  readonly ranks: readonly number[];
  /** `stopped`: it handed over what it had when the run was ended. */
  readonly state: 'running' | 'finished' | 'stopped' | 'lost';
}

/** How late ranks are, in virtual time. */
export interface Lag {
  /** Last row of the schedule whose compute operations all ranks have ended, and the layer that it is called after. */
  readonly row: number;
  readonly layer: number;
  /** Rows that all ranks have ended. */
  readonly rows: number;
  /** By rank: end of its compute operations of that row after that of the earliest rank, ns. */
  readonly ns: readonly number[];
  /** By rank: the mean of the same over all rows so far, ns. */
  readonly meanNs: readonly number[];
}

/** How fast the modelled GPUs are, from the layers that all ranks have ended lately. */
export interface Pace {
  /** Mean virtual time of a layer, µs. */
  readonly layerUs: number;
  /** Layers that it is the mean of. */
  readonly layers: number;
  /** Of the whole model, as report.json defines it; null where it is known at the end only. */
  readonly tokensPerSecondPerGpu: number | null;
  readonly tokensPerSecondPerNode: number | null;
}

/** Messages between workers, host time. */
export interface Messages {
  readonly sent: number;
  /** Over the last few seconds. */
  readonly perSecond: number;
}

/** A file of the run that the page offers. */
export interface OfferedFile {
  /** In the run's folder. */
  readonly name: string;
  readonly bytes: number;
}

/** What came of a run. */
export interface RunResult {
  readonly status: 'ok' | 'failed';
  readonly error: string | null;
  /** The first sentence of the report's. */
  readonly finding: string | null;
  readonly digest: string | null;
  readonly figures: readonly { readonly label: string; readonly value: string; readonly note: string }[];
  readonly files: readonly OfferedFile[];
  /** By rank: its own trace; null where it left none. */
  readonly rankFiles: readonly (string | null)[];
  readonly folder: string;
}

/** A line of the log. */
export interface LogLine {
  /** Host time since the run began, ms. */
  readonly atMs: number;
  readonly level: 'info' | 'warning' | 'error';
  readonly text: string;
}

/** What is small and is sent whole when it changes. */
export interface LiveFacts {
  readonly stage: Stage;
  readonly joining: Joining;
  readonly workers: readonly LiveWorker[];
  readonly lag: Lag | null;
  readonly pace: Pace | null;
  readonly messages: Messages;
  readonly result: RunResult | null;
}

/** Everything that a live page knows. */
export interface LiveState {
  head: RunHead | null;
  facts: LiveFacts;
  /** Host time since the run began, ms; stands still once the run has ended. */
  elapsedMs: number;
  /** By rank: id of the operation that it is in; −1 before its first. */
  positions: number[];
  /** By rank: its last moves, flat; see {@link MOVE_NUMBERS}. */
  moves: number[][];
  /** Moves of all ranks so far, kept or not. */
  moveCount: number;
  log: LogLine[];
  /** Lines so far, kept or not. */
  logCount: number;
}

/** What has changed since the last update. */
export interface LiveUpdate {
  readonly elapsedMs: number;
  /** Begins a run: all else starts over. */
  readonly head?: RunHead;
  readonly facts?: Partial<LiveFacts>;
  /** Flat pairs of rank and operation. */
  readonly positions?: readonly number[];
  /** Flat: rank, then the {@link MOVE_NUMBERS} of a move. */
  readonly moves?: readonly number[];
  readonly log?: readonly LogLine[];
}

/** @returns the state before a run has begun. */
export function initialState(): LiveState {
  return {
    head: null,
    facts: {
      stage: 'preparing',
      joining: { url: null, workers: 0, slots: 0, refused: 0, lastRefusal: null },
      workers: [],
      lag: null,
      pace: null,
      messages: { sent: 0, perSecond: 0 },
      result: null,
    },
    elapsedMs: 0,
    positions: [],
    moves: [],
    moveCount: 0,
    log: [],
    logCount: 0,
  };
}

/** Takes an update into a state, in place. */
export function applyUpdate(state: LiveState, update: LiveUpdate): void {
  if (update.head !== undefined) {
    Object.assign(state, initialState());
    state.head = update.head;
    state.positions = Array.from({ length: update.head.ranks }, () => -1);
    state.moves = Array.from({ length: update.head.ranks }, () => []);
  }
  state.elapsedMs = update.elapsedMs;
  if (update.facts !== undefined) state.facts = { ...state.facts, ...update.facts };
  const { positions = [], moves = [], log = [] } = update;
  for (let at = 0; at < positions.length; at += 2) state.positions[positions[at]] = positions[at + 1];
  applyMoves(state, moves);
  for (const line of log) state.log.push(line);
  state.log.splice(0, state.log.length - KEPT_LOG_LINES);
  state.logCount += log.length;
}

function applyMoves(state: LiveState, moves: readonly number[]): void {
  const most = (state.head?.keptMoves ?? 0) * MOVE_NUMBERS;
  const step = MOVE_NUMBERS + 1;
  for (let at = 0; at < moves.length; at += step) {
    const kept = state.moves[moves[at]];
    for (let i = 1; i < step; i++) kept.push(moves[at + i]);
    if (kept.length > most) kept.splice(0, kept.length - most);
  }
  state.moveCount += moves.length / step;
}
