import { byId } from './elements.js';
import type { Hit } from './timeline-hit.js';

/** Text of the piece under the pointer; a click pins it. */
export class Tooltip {
  private readonly element = byId('timeline-tooltip', HTMLElement);
  private pinned = false;

  /** Shows a piece beside a point of the window, unless another is pinned. */
  hover(hit: Hit | null, clientX: number, clientY: number): void {
    if (this.pinned) return;
    if (hit === null) this.element.hidden = true;
    else this.show(hit, clientX, clientY);
  }

  /** Pins the piece, or with none lets go of what is pinned. */
  pin(hit: Hit | null, clientX: number, clientY: number): void {
    this.pinned = hit !== null;
    this.hoverEnd();
    if (hit !== null) this.show(hit, clientX, clientY);
  }

  /** Hides it, unless it is pinned. */
  hoverEnd(): void {
    if (!this.pinned) this.element.hidden = true;
  }

  private show({ title, facts }: Hit, clientX: number, clientY: number): void {
    const heading = document.createElement('strong');
    heading.textContent = title;
    const list = document.createElement('dl');
    for (const [label, value] of facts) {
      for (const [tag, text] of [
        ['dt', label],
        ['dd', value],
      ] as const)
        list.appendChild(document.createElement(tag)).textContent = text;
    }
    this.element.replaceChildren(heading, list);
    this.element.classList.toggle('pinned', this.pinned);
    this.element.hidden = false;
    const box = this.element.getBoundingClientRect();
    const x = clientX + 14 + box.width > innerWidth ? clientX - 14 - box.width : clientX + 14;
    const y = clientY + 16 + box.height > innerHeight ? clientY - 12 - box.height : clientY + 16;
    this.element.style.left = `${Math.max(x, 4) + scrollX}px`;
    this.element.style.top = `${Math.max(y, 4) + scrollY}px`;
  }
}
