import { byId } from '@epemu/pages/client';
import type { LiveState, RunHead, Stage } from '../state.js';
import { counted, hostTimeText, setText } from './text.js';

const STAGES: Readonly<Record<Stage, string>> = {
  preparing: 'Preparing',
  joining: 'Workers join',
  connecting: 'Workers connect',
  running: 'Running',
  merging: 'Merging timelines',
  ended: 'Ended',
};

/** The rank that is in the earliest operation, and how far that is. */
export interface Slowest {
  readonly rank: number;
  /** −1 before its first. */
  readonly operation: number;
  /** Share of the program's operations that it has come to, 0 to 1. */
  readonly share: number;
}

/** @returns the slowest rank, the first of several; undefined for no ranks. */
export function slowestOf({ head, positions }: Pick<LiveState, 'head' | 'positions'>): Slowest | undefined {
  if (head === null || positions.length === 0) return undefined;
  const { share: shares } = head.operations;
  const shareAt = (operation: number): number => (operation < 0 ? 0 : shares[operation]);
  const operation = positions.reduce((least, at) => (shareAt(at) < shareAt(least) ? at : least));
  const share = shareAt(operation);
  return { rank: positions.indexOf(operation), operation, share };
}

/** @returns where an operation is: `MLP(0) of layer 3`. */
export function placeText({ phases, operations }: RunHead, operation: number): string {
  if (operation < 0) return 'before its first phase';
  return `${phases[operations.phase[operation]]} of layer ${operations.layer[operation]}`;
}

/** @returns the share of the program that all ranks have come to, 0 to 1. */
function shareOf(state: LiveState): number {
  const { workers } = state.facts;
  // With several streams, the operation that a rank began last need not be the program's last.
  if (workers.length > 0 && workers.every((worker) => worker.state === 'finished')) return 1;
  return slowestOf(state)?.share ?? 0;
}

function joiningText({ head, facts }: LiveState): string {
  const { workers, slots } = facts.joining;
  const have = `${counted(workers, 'worker')} with ${counted(slots, 'slot')} of ${head?.ranks ?? 0} joined`;
  return `${have}; the run starts when the slots cover the ranks.`;
}

function sentenceOf(state: LiveState): string {
  const { head, facts } = state;
  const { stage, result } = facts;
  if (head === null) return 'The run has not begun yet.';
  if (stage === 'joining') return joiningText(state);
  if (stage === 'connecting') return `${counted(facts.workers.length, 'worker')} connect to each other.`;
  if (stage === 'merging') return 'Ranks have ended; their timelines become one trace and a report.';
  if (result !== null) return result.error ?? result.finding ?? 'The run ended well.';
  const slowest = slowestOf(state);
  return slowest === undefined
    ? ''
    : `Furthest behind is rank ${slowest.rank}, ${placeWords(head, slowest.operation)}.`;
}

function placeWords(head: RunHead, operation: number): string {
  return operation < 0 ? 'before its first phase' : `in ${placeText(head, operation)}`;
}

/** Title, stage, progress, and the one sentence that says how things are. */
export class RunStateView {
  readonly #section = byId('run-state', HTMLElement);
  readonly #progress = byId('progress', HTMLProgressElement);
  readonly #elapsed = byId('elapsed', HTMLElement);
  /** Elapsed time at the moment it was told, on this browser's clock. */
  #told = { elapsedMs: 0, at: 0 };
  #runs = false;

  constructor() {
    setInterval(() => {
      if (this.#runs) this.#showElapsed(this.#told.elapsedMs + performance.now() - this.#told.at);
    }, 100);
  }

  /** The server is not heard: nobody knows how the time goes on. */
  pause(): void {
    this.#runs = false;
  }

  show(state: LiveState): void {
    const { head, facts, elapsedMs } = state;
    const { stage, result } = facts;
    const name = head === null ? 'epemu' : `${head.scenario}, ${counted(head.ranks, 'rank')}`;
    setText(byId('title', HTMLElement), name);
    const verdict = result === null ? STAGES[stage] : result.status === 'ok' ? 'Ended well' : 'Failed';
    const percent = `${Math.floor(shareOf(state) * 100)} %`;
    document.title = stage === 'running' ? `${percent} · ${name}` : `${verdict} · ${name}`;
    setText(byId('subtitle', HTMLElement), head === null ? '\u00a0' : subtitleOf(head));
    setText(byId('stage', HTMLElement), verdict);
    setText(byId('sentence', HTMLElement), sentenceOf(state));
    this.#section.dataset.stage = stage;
    this.#section.dataset.status = result?.status ?? '';
    const joined = head === null ? 0 : Math.min(facts.joining.slots / head.ranks, 1);
    this.#progress.value = stage === 'joining' ? joined : shareOf(state);
    this.#told = { elapsedMs, at: performance.now() };
    this.#runs = head !== null && stage !== 'ended';
    this.#showElapsed(elapsedMs);
  }

  #showElapsed(ms: number): void {
    const percent = Math.floor(this.#progress.value * 100);
    setText(this.#elapsed, `${percent} % · ${hostTimeText(ms)} host time`);
  }
}

function subtitleOf(head: RunHead): string {
  const { runId, layers, model, hardware, routing, overlap, fabric, seed } = head;
  const parts = [`${counted(layers, 'layer')} of ${model} on ${hardware}`, `routing ${routing}`, `overlap ${overlap}`];
  return [...parts, `fabric ${fabric}`, `seed ${seed}`, runId].join(' · ');
}
