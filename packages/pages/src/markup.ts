import { escapeMarkup } from './plain-text.js';

/** Markup that is safe to put in the document: made by {@link markup} or {@link trusted} only. */
export class Markup {
  constructor(readonly text: string) {}
}

type Part = string | number | Markup | readonly Markup[];

function partText(part: Part): string {
  if (part instanceof Markup) return part.text;
  return typeof part === 'object' ? part.map(({ text }) => text).join('') : escapeMarkup(String(part));
}

/** A template whose strings and numbers are escaped, in text and in quoted attributes alike; markup stays as it is. */
export function markup(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return new Markup(strings.map((text, i) => (i === 0 ? text : partText(parts[i - 1]) + text)).join(''));
}

/** @returns text that was made as markup elsewhere: the page's own script and style, and pictures. */
export function trusted(text: string): Markup {
  return new Markup(text);
}

/** @returns a value as JSON in a `<script>` that the page reads: no string in it can end the element. */
export function dataBlock(id: string, value: unknown): Markup {
  const json = JSON.stringify(value).replaceAll('<', '\\u003c');
  return markup`<script type="application/json" id="${id}">${trusted(json)}</script>`;
}
