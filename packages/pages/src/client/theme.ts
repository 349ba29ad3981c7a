import { byId } from './elements.js';

const listeners: (() => void)[] = [];

/** The page's colours by the name of their CSS variable. */
export type Palette = ReadonlyMap<string, string>;

function isDark(): boolean {
  const chosen = document.documentElement.dataset.theme;
  return chosen === undefined ? matchMedia('(prefers-color-scheme: dark)').matches : chosen === 'dark';
}

function changed(): void {
  byId('theme', HTMLButtonElement).textContent = isDark() ? 'Light colours' : 'Dark colours';
  for (const listener of listeners) listener();
}

/** Calls a listener whenever colours change. */
export function onThemeChange(listener: () => void): void {
  listeners.push(listener);
}

/** @returns colours as they are now, as a canvas takes them. */
export function readPalette(names: readonly string[]): Palette {
  // A variable's own value may be a function of the theme; an element's computed colour is what comes of it.
  const probe = document.body.appendChild(document.createElement('span'));
  const palette = new Map<string, string>();
  for (const name of names) {
    probe.style.color = `var(--${name})`;
    palette.set(name, getComputedStyle(probe).color);
  }
  probe.remove();
  return palette;
}

/** Lets the button switch colours, for as long as the page is open; without it the system's choice holds. */
export function startTheme(): void {
  byId('theme', HTMLButtonElement).addEventListener('click', () => {
    document.documentElement.dataset.theme = isDark() ? 'light' : 'dark';
    changed();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', changed);
  let before: string | undefined;
  window.addEventListener('beforeprint', () => {
    before = document.documentElement.dataset.theme;
    document.documentElement.dataset.theme = 'light';
    changed();
  });
  window.addEventListener('afterprint', () => {
    if (before === undefined) delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = before;
    changed();
  });
  changed();
}
