import { byId } from './elements.js';

/** Lets buttons show the rows that a table folds away. */
export function startTables(): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>('[data-unfold]')) {
    const shown = button.textContent;
    button.addEventListener('click', () => {
      const rest = byId(button.dataset.unfold ?? '', HTMLTableSectionElement);
      rest.hidden = !rest.hidden;
      button.setAttribute('aria-expanded', String(!rest.hidden));
      button.textContent = rest.hidden ? shown : 'Show fewer rows';
    });
  }
}

async function copy(source: HTMLElement): Promise<string> {
  try {
    await navigator.clipboard.writeText(source.textContent);
    return 'Copied.';
  } catch {
    // A page opened from a file may not write to the clipboard; the reader's own keys may.
    getSelection()?.selectAllChildren(source);
    return 'Selected: press Ctrl+C or ⌘C to copy.';
  }
}

/** Lets buttons copy the text of an element. */
export function startCopyButtons(): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>('[data-copy]')) {
    const status = button.parentElement?.querySelector('[data-copy-status]');
    button.addEventListener('click', () => {
      void copy(byId(button.dataset.copy ?? '', HTMLElement)).then((message) => {
        if (status) status.textContent = message;
      });
    });
  }
}
