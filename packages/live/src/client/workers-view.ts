import { byId } from '@epemu/pages/client';
import type { LiveState, LiveWorker } from '../state.js';
import { counted, element, setText } from './text.js';

/** @returns the command that starts a worker, the token left to whoever types it. */
function workerCommand(url: string, slots: number): string {
  return `EPEMU_TOKEN=… epemu worker --coordinator ${url} --slots ${slots}`;
}

function rangeText(ranks: readonly number[]): string {
  const [first, last] = [ranks[0], ranks[ranks.length - 1]];
  return ranks.length === 1 ? String(first) : last - first === ranks.length - 1 ? `${first}–${last}` : ranks.join(', ');
}

/** Who joins and how, then who holds which ranks. */
export class WorkersView {
  readonly #joining = byId('joining', HTMLElement);
  readonly #table = byId('workers', HTMLTableElement);
  readonly #joinRow = byId('join-row', HTMLElement);
  #shown: readonly LiveWorker[] | undefined;

  show({ head, facts }: LiveState): void {
    const { stage, joining, workers } = facts;
    const { refused, lastRefusal, url, slots } = joining;
    const texts: string[] = [];
    if (refused > 0) texts.push(`${counted(refused, 'worker')} refused; the last: ${lastRefusal ?? ''}.`);
    if (head !== null && stage === 'joining') {
      texts.push(`${counted(joining.workers, 'worker')} with ${slots} of ${head.ranks} slots joined.`);
      if (head.external) texts.push('Start a worker with as many slots as it is to hold ranks:');
    }
    this.#showTexts(texts);
    const asks = head?.external === true && stage === 'joining' && url !== null;
    this.#joinRow.hidden = !asks;
    if (asks) {
      const missing = Math.max(1, head.ranks - slots);
      setText(byId('join-command', HTMLElement), workerCommand(url, Math.min(missing, head.nodeSize)));
    }
    if (workers !== this.#shown) this.#build(workers);
  }

  #showTexts(texts: readonly string[]): void {
    if (this.#joining.childElementCount !== texts.length) {
      this.#joining.replaceChildren(...texts.map((text) => element('p', text)));
    }
    texts.forEach((text, i) => {
      setText(this.#joining.children[i], text);
    });
  }

  #build(workers: readonly LiveWorker[]): void {
    this.#shown = workers;
    this.#table.replaceChildren();
    if (workers.length === 0) return;
    const head = this.#table.createTHead().insertRow();
    for (const name of ['Worker', 'Host', 'Pid', 'Ranks', 'State']) {
      const cell = element('th', name);
      cell.scope = 'col';
      head.append(cell);
    }
    const body = this.#table.createTBody();
    for (const { worker, host, pid, ranks, state } of workers) {
      const row = body.insertRow();
      row.className = state;
      for (const text of [String(worker), host, String(pid), rangeText(ranks), state])
        row.insertCell().textContent = text;
    }
  }
}
