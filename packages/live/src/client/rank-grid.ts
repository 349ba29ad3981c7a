import { byId } from '@epemu/pages/client';
import type { LiveState, LiveWorker, RunHead } from '../state.js';
import { element, microsecondsText, setText } from './text.js';

/** Cells of a node in a line. */
const CELLS_A_LINE = 8;
/** Steps of colour from no lag to the most. */
const LEVELS = 8;
/** More ranks than this have small cells without numbers. */
const MOST_LARGE_CELLS = 128;

type RankState = 'waiting' | LiveWorker['state'];

/** @returns the least of 1, 2 and 5 times a power of ten that is no less than a lag, ns; no less than 100 ns. */
export function scaleOf(ns: number): number {
  let power = 100;
  while (power * 10 <= ns) power *= 10;
  return [1, 2, 5, 10].map((digit) => digit * power).find((round) => round >= ns) ?? power * 10;
}

/** @returns the step of colour of a lag. */
export function levelOf(ns: number, mostNs: number): number {
  return Math.min(Math.floor((ns / mostNs) * LEVELS), LEVELS - 1);
}

/** @returns the rank that a key leads to from a rank; undefined for a key that leads nowhere. */
export function rankByKey(key: string, rank: number, ranks: number): number | undefined {
  const steps: Readonly<Record<string, number>> = {
    ArrowLeft: rank - 1,
    ArrowRight: rank + 1,
    ArrowUp: rank - CELLS_A_LINE,
    ArrowDown: rank + CELLS_A_LINE,
    Home: 0,
    End: ranks - 1,
  };
  const to = steps[key];
  return to === undefined ? undefined : to < 0 || to >= ranks ? rank : to;
}

/** The ranks, node by node, coloured by their lag; one of them is selected. */
export class RankGrid {
  readonly #box = byId('ranks', HTMLElement);
  readonly #onSelect: (rank: number) => void;
  #head: RunHead | null = null;
  #cells: HTMLElement[] = [];
  #selected = 0;

  constructor(onSelect: (rank: number) => void) {
    this.#onSelect = onSelect;
    this.#box.addEventListener('click', ({ target }) => {
      const rank = this.#cells.indexOf(target as HTMLElement);
      if (rank >= 0) this.#select(rank);
    });
    this.#box.addEventListener('keydown', (event) => {
      const rank = rankByKey(event.key, this.#selected, this.#cells.length);
      if (rank === undefined) return;
      event.preventDefault();
      this.#select(rank);
      this.#cells[rank].focus();
    });
  }

  show(state: LiveState): void {
    const { head, facts } = state;
    if (head !== this.#head) this.#build(head);
    if (head === null) return;
    const { lag } = facts;
    const mostNs = lag === null ? 0 : scaleOf(lag.ns.reduce((a, b) => Math.max(a, b)));
    setText(byId('lag-most', HTMLElement), lag === null ? '–' : microsecondsText(mostNs));
    setText(byId('lag-title', HTMLElement), lag === null ? 'Virtual lag' : `Virtual lag in layer ${lag.layer}`);
    const states = this.#statesOf(facts.workers);
    this.#cells.forEach((cell, rank) => {
      const rankState = states[rank];
      const ns = lag?.ns[rank];
      const level = ns === undefined ? '' : `lag-${levelOf(ns, mostNs)}`;
      const className = ['rank', level, rankState].filter((part) => part !== '').join(' ');
      if (cell.className !== className) cell.className = className;
      const said = titleOf(head, rank, rankState, ns, lag?.meanNs[rank]);
      if (cell.title === said) return;
      cell.title = said;
      cell.setAttribute('aria-label', said);
    });
  }

  #statesOf(workers: readonly LiveWorker[]): RankState[] {
    const states = this.#cells.map((): RankState => 'waiting');
    for (const { ranks, state } of workers) for (const rank of ranks) states[rank] = state;
    return states;
  }

  #build(head: RunHead | null): void {
    this.#head = head;
    this.#cells = [];
    this.#selected = 0;
    this.#box.replaceChildren();
    if (head === null) return;
    const { ranks, nodeSize } = head;
    this.#box.classList.toggle('small', ranks > MOST_LARGE_CELLS);
    for (let first = 0, node = 0; first < ranks; first += nodeSize, node++) {
      const group = element('div', '', 'node');
      group.setAttribute('role', 'group');
      group.setAttribute('aria-label', `node ${node}`);
      const label = element('div', `node ${node}`, 'node-label');
      label.setAttribute('aria-hidden', 'true');
      const cells = element('div', '', 'node-cells');
      cells.setAttribute('role', 'presentation');
      for (let rank = first; rank < Math.min(first + nodeSize, ranks); rank++) {
        const cell = element('div', String(rank), 'rank');
        cell.setAttribute('role', 'option');
        cell.setAttribute('aria-selected', String(rank === 0));
        cell.tabIndex = rank === 0 ? 0 : -1;
        this.#cells.push(cell);
        cells.append(cell);
      }
      group.append(label, cells);
      this.#box.append(group);
    }
    this.#onSelect(0);
  }

  #select(rank: number): void {
    for (const [of, chosen] of [
      [this.#selected, false],
      [rank, true],
    ] as const) {
      this.#cells[of].setAttribute('aria-selected', String(chosen));
      this.#cells[of].tabIndex = chosen ? 0 : -1;
    }
    this.#selected = rank;
    this.#onSelect(rank);
  }
}

function titleOf(head: RunHead, rank: number, state: RankState, ns?: number, meanNs?: number): string {
  const name = `rank ${rank}, node ${Math.floor(rank / head.nodeSize)}`;
  const lag = ns === undefined ? 'no lag known yet' : `${microsecondsText(ns)} behind the earliest`;
  const mean = meanNs === undefined ? '' : ` (mean ${microsecondsText(meanNs)})`;
  const word = state === 'waiting' ? 'not given to a worker yet' : state;
  return `${name}, ${word}: ${lag}${mean}`;
}
