import { cellOrder } from '../table-order.js';
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

/** Puts a table's rows in the order of a column; those that were folded away are shown with the others. */
function sortTable(table: HTMLTableElement, column: number, falling: boolean): void {
  const [body, ...rest] = table.tBodies;
  const cell = (row: HTMLTableRowElement): string => row.cells[column]?.textContent ?? '';
  const rows = [...table.tBodies].flatMap(({ rows: of }) => [...of]);
  const sorted = rows.sort((a, b) => cellOrder(cell(a), cell(b)) * (falling ? -1 : 1));
  body.append(...sorted);
  for (const folded of rest) document.querySelector(`[data-unfold="${folded.id}"]`)?.remove();
}

/** Lets the heads of tables sort their rows: the first time falling for numbers, rising for words. */
export function startSorting(): void {
  for (const table of document.querySelectorAll<HTMLTableElement>('.table-box table')) {
    const heads = [...(table.tHead?.rows[0]?.cells ?? [])];
    // One row has no order.
    if ([...table.tBodies].reduce((sum, { rows }) => sum + rows.length, 0) < 2) continue;
    heads.forEach((head, column) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.className = 'sort';
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener('click', () => {
        const before = head.getAttribute('aria-sort');
        const falling = before === null ? !head.classList.contains('left') : before === 'ascending';
        for (const other of heads) other.removeAttribute('aria-sort');
        head.setAttribute('aria-sort', falling ? 'descending' : 'ascending');
        sortTable(table, column, falling);
      });
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
