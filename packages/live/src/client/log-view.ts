import { byId } from '@epemu/pages/client';
import type { LiveState, LogLine } from '../state.js';
import { element } from './text.js';

function clockText(ms: number): string {
  const at = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${Math.floor(at.getMilliseconds() / 100)}`;
}

function lineElement({ atMs, level, text }: LogLine, startedAtMs: number): HTMLLIElement {
  const item = element('li', '', level);
  const time = element('time', clockText(startedAtMs + atMs));
  time.title = `${(atMs / 1000).toFixed(1)} s after the run began`;
  if (level !== 'info') item.append(time, element('strong', level), text);
  else item.append(time, text);
  return item;
}

/** The run's log, newest last; it stays at the end unless somebody has scrolled up. */
export class LogView {
  readonly #list = byId('log', HTMLOListElement);
  #runId: string | undefined;
  #count = 0;

  show({ head, log, logCount }: LiveState): void {
    if (head?.runId !== this.#runId || logCount < this.#count) {
      this.#runId = head?.runId;
      this.#count = 0;
      this.#list.replaceChildren();
    }
    const more = logCount - this.#count;
    if (more === 0) return;
    this.#count = logCount;
    const { scrollTop, scrollHeight, clientHeight } = this.#list;
    const atEnd = scrollHeight - scrollTop - clientHeight < 8;
    this.#list.append(...log.slice(-more).map((line) => lineElement(line, head?.startedAtMs ?? 0)));
    while (this.#list.childElementCount > log.length) this.#list.firstElementChild?.remove();
    if (atEnd) this.#list.scrollTop = this.#list.scrollHeight;
  }
}
