import { markup, type Markup } from '../markup.js';
import type { PageData } from '../page-data.js';

/** @returns the page's head line: title, what was read or run, version, and the switch of colours. */
export function headerSection({ title, subtitle, epemuVersion }: PageData): Markup {
  return markup`<header class="page-header">
<div><h1>${title}</h1><p class="subtitle">${subtitle}</p></div>
<div class="page-tools"><span class="version">epemu ${epemuVersion}</span>
<button type="button" id="theme">Dark colours</button></div>
</header>`;
}

/** @returns what must be seen first. */
export function warningSection({ warnings }: PageData): Markup {
  if (warnings.length === 0) return markup``;
  return markup`<section class="warnings" role="alert" aria-labelledby="warnings-title">
<h2 id="warnings-title">${warnings.length === 1 ? 'Warning' : 'Warnings'}</h2>
<ul>${warnings.map((warning) => markup`<li>${warning}</li>`)}</ul></section>`;
}

/** @returns the figures as tiles. */
export function figureSection({ figures }: PageData): Markup {
  if (figures.length === 0) return markup``;
  const tiles = figures.map(
    ({ label, value, note }) => markup`<div class="tile"><dt>${label}</dt><dd class="value">${value}</dd>
${note === '' ? markup`` : markup`<dd class="note">${note}</dd>`}</div>`,
  );
  return markup`<section aria-label="Figures"><dl class="tiles">${tiles}</dl></section>`;
}

/** @returns the sentence that names the largest exposed piece. */
export function findingSection({ finding }: PageData): Markup {
  if (finding === '') return markup``;
  return markup`<section class="finding" aria-labelledby="finding-title"><h2 id="finding-title">Finding</h2>
<p>${finding}</p></section>`;
}

/** @returns the resolved configuration, folded. */
export function configurationSection({ configuration }: PageData): Markup {
  if (configuration === null || configuration === undefined) return markup``;
  return markup`<section aria-labelledby="configuration-title"><h2 id="configuration-title">Configuration</h2>
<details class="configuration"><summary>Show the resolved configuration</summary>
<div class="copy-row"><button type="button" data-copy="configuration">Copy</button>
<span role="status" data-copy-status></span></div>
<pre id="configuration" tabindex="0">${JSON.stringify(configuration, null, 2)}</pre></details></section>`;
}

/** @returns what is real and what is modelled. */
export function statementSection({ statement }: PageData): Markup {
  if (statement === null) return markup``;
  return markup`<section aria-labelledby="statement-title"><h2 id="statement-title">What is real and what is modelled</h2>
<dl class="statement"><dt>Real</dt><dd>${statement.real}</dd><dt>Modelled</dt><dd>${statement.modelled}</dd></dl>
</section>`;
}
