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
    const ended = (worker !== undefined && worker.state !== 'running') || facts.stage === 'ended';
    if (worker?.state === 'lost') parts.push(`lost in ${placeText(head, positions[rank])}`);
    else if (facts.stage === 'running' && !ended) parts.push(placeText(head, positions[rank]));
    if (facts.lag !== null) {
      const mean = microsecondsText(facts.lag.meanNs[rank]);
      parts.push(`${microsecondsText(facts.lag.ns[rank])} behind (mean ${mean})`);
    }
    const text = parts.join(' · ');
    const file = facts.result?.rankFiles[rank] ?? null;
    const [said, link] = [this.#facts.firstChild, this.#facts.querySelector('a')];
    if (said?.textContent === text && (link?.textContent ?? null) === file) return;
    this.#facts.replaceChildren(element('span', text));
    if (file === null) return;
    const download = element('a', file);
    download.href = `/files/${file}`;
    download.download = '';
    this.#facts.append(' · ', download);
  }
}
