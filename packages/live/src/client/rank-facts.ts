import { byId } from '@epemu/pages/client';
import type { LiveState } from '../state.js';
import { placeText } from './run-state.js';
import { element, microsecondsText, setText } from './text.js';

/** Says of the selected rank where it is, who holds it and how late it is. */
export class RankFacts {
  readonly #title = byId('timeline-title', HTMLElement);
  readonly #facts = byId('rank-facts', HTMLElement);

  show(state: LiveState, rank: number): void {
    const { head, facts, positions } = state;
    setText(this.#title, `Rank ${rank}`);
    if (head === null) {
      setText(this.#facts, '');
      return;
    }
    const parts = [`node ${Math.floor(rank / head.nodeSize)}`];
    const worker = facts.workers.find(({ ranks }) => ranks.includes(rank));
    if (worker !== undefined) parts.push(`worker ${worker.worker} on ${worker.host}`);
    const ended = worker?.state === 'finished' || facts.stage === 'ended';
    if (worker?.state === 'lost') parts.push(`lost in ${placeText(head, positions[rank])}`);
    else if (facts.stage === 'running' && !ended) parts.push(placeText(head, positions[rank]));
    if (facts.lag !== null) {
      const mean = microsecondsText(facts.lag.meanNs[rank]);
      parts.push(`${microsecondsText(facts.lag.ns[rank])} behind (mean ${mean})`);
    }
    const text = parts.join(' · ');
    const hasFile = facts.result?.rankFiles.includes(rank) === true;
    const [said, link] = [this.#facts.firstChild, this.#facts.querySelector('a')];
    const name = `ranks/rank-${String(rank).padStart(5, '0')}.json.gz`;
    if (said?.textContent === text && hasFile === (link !== null) && (link === null || link.textContent === name))
      return;
    this.#facts.replaceChildren(element('span', text));
    if (!hasFile) return;
    const download = element('a', name);
    download.href = `/files/${name}`;
    download.download = '';
    this.#facts.append(' · ', download);
  }
}
