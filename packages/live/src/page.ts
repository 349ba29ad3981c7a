import { createHash } from 'node:crypto';
import { markup, readPageAssets, trusted } from '@epemu/pages';
import type { Markup } from '@epemu/pages';

/** Tiles of figures in a row: as many while a run is under way as after it, so that nothing jumps. */
const TILES = 6;

/** The live page's document. */
export interface LiveDocument {
  readonly html: string;
  /** Tells one build of the page from another. */
  readonly version: string;
  readonly headers: Readonly<Record<string, string>>;
}

const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect y='2' width='9' height='5' fill='%232d5c9e'/%3E%3Crect x='5' y='9' width='11' height='5' fill='%2314706f'/%3E%3C/svg%3E";

function tiles(): Markup {
  const tile = markup`<div class="tile"><dt>&nbsp;</dt><dd class="value">–</dd><dd class="note">&nbsp;</dd></div>`;
  return markup`<section aria-label="Figures"><dl class="tiles" id="figures">${Array.from({ length: TILES }, () => tile)}</dl></section>`;
}

function rankSection(): Markup {
  return markup`<section aria-labelledby="ranks-title">
<div class="section-head"><h2 id="ranks-title">Ranks</h2>
<div class="lag-legend"><span id="lag-title">Virtual lag</span>
<span class="lag-ramp" aria-hidden="true">${Array.from({ length: 8 }, (_, level) => markup`<i class="lag-${level}"></i>`)}</span>
<span>0 to <span id="lag-most">–</span></span></div></div>
<div id="ranks" role="listbox" aria-label="Ranks, node by node" aria-orientation="horizontal"></div>
<p class="note" id="ranks-note">A cell is a rank, a box a node. Its colour is how much later than the earliest rank it ended the compute of the last layer that all ranks have ended.</p>
</section>`;
}

function timelineSection(): Markup {
  return markup`<section aria-labelledby="timeline-title">
<div class="section-head"><h2 id="timeline-title">Rank 0</h2><p id="rank-facts" class="rank-facts"></p></div>
<div class="rank-timeline"><canvas id="timeline" tabindex="0" role="img" aria-label="Timeline of the rank’s last layers" aria-describedby="timeline-keys"></canvas>
<div class="tooltip" id="timeline-tooltip" hidden></div></div>
<p class="visually-hidden" role="status" id="timeline-said"></p>
<ul class="legend"><li><i class="swatch compute"></i>compute</li><li><i class="swatch communication"></i>communication</li>
<li><i class="swatch orange"></i>forward, or micro-batch 0</li><li><i class="swatch green"></i>backward, or micro-batch 1</li>
<li class="note" id="timeline-keys">← → to go from phase to phase</li></ul>
</section>`;
}

function logSection(): Markup {
  return markup`<section aria-labelledby="log-title" class="log"><h2 id="log-title">Log</h2>
<ol id="log" tabindex="0" role="log" aria-label="Log"></ol></section>`;
}

function sideColumn(): Markup {
  return markup`<section aria-labelledby="workers-title" class="workers"><h2 id="workers-title">Workers</h2>
<div id="joining"></div>
<div class="copy-row" id="join-row" hidden><code id="join-command"></code><button type="button" data-copy="join-command">Copy</button><span role="status" data-copy-status></span></div>
<div class="table-box" tabindex="0" role="region" aria-label="Workers"><table id="workers"></table></div></section>
<section aria-labelledby="outputs-title" class="outputs"><h2 id="outputs-title">Outputs</h2>
<div id="outputs"></div></section>`;
}

/** @returns the page that shows a run; all of its data comes by `/events`. */
export function livePage(): LiveDocument {
  const { script, scriptHash, style, styleHash } = readPageAssets(import.meta.url);
  const version = createHash('sha256').update(script).update(style).digest('hex').slice(0, 16);
  const { text: html } = markup`<!doctype html>
<html lang="en" data-version="${version}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="${ICON}">
<title>epemu</title>
<style>${trusted(style)}</style>
</head>
<body>
<header class="page-header"><div><h1 id="title">epemu</h1><p class="subtitle" id="subtitle">&nbsp;</p></div>
<div class="page-tools"><span id="connection" class="connection" role="status">connecting</span><button type="button" id="theme"></button></div></header>
<main id="main">
<noscript><section class="warnings">This page needs JavaScript to show a run while it is under way.</section></noscript>
<section class="run-state" id="run-state" aria-labelledby="stage">
<div class="section-head"><h2 id="stage" role="status">Connecting</h2><p id="elapsed" class="elapsed"></p></div>
<progress id="progress" max="1" value="0" aria-label="Share of its operations that the slowest rank has come to"></progress>
<div class="sentence-row"><p id="sentence">&nbsp;</p>
<div class="ending"><div id="actions" class="actions"></div><p role="status" id="perfetto-status" class="note"></p></div></div></section>
${tiles()}
${timelineSection()}
<div class="columns-of-page"><div class="main-column">${rankSection()}${logSection()}</div><div class="side-column">${sideColumn()}</div></div>
</main>
<script>${trusted(script)}</script>
</body>
</html>
`;
  const policy =
    `default-src 'none'; script-src '${scriptHash}'; style-src '${styleHash}'; connect-src 'self'; img-src data:; ` +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
  const headers = {
    'content-security-policy': policy,
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
  };
  return { html, version, headers };
}
