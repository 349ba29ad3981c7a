import { gzipSync } from 'node:zlib';
import { dataBlock, markup, trusted, type Markup } from '../markup.js';
import type { TimelineData } from '../page-data.js';
import { encodeColumns, type TimelineHead } from '../timeline/codec.js';
import { sliceLabel } from '../timeline/slice-label.js';
import { formatNs } from '../units.js';

const KEYS = [
  ['← →', 'move in time'],
  ['↑ ↓', 'move through the rows'],
  ['+ −', 'zoom in and out'],
  ['0 or Home', 'show all'],
  ['n p', 'next and previous exposed piece, longest first'],
  ['. ,', 'next and previous slice of the row: selects it and tells of it'],
  ['] [', 'the slice at the same time on the next or previous row'],
  ['Enter', 'zoom to the selected slice'],
  ['Escape', 'close what is pinned'],
  ['?', 'show or hide these keys'],
  ['wheel', 'move through the rows; with Ctrl or ⌘ zoom, with Shift move in time'],
  ['drag', 'move in time and through the rows'],
  ['click, double-click', 'pin a piece’s text; zoom to a piece'],
] as const;

const LEGEND = [
  ['compute', 'compute'],
  ['communication', 'communication'],
  ['memory', 'memory'],
  ['orange', 'forward or micro-batch 0'],
  ['green', 'backward or micro-batch 1'],
  ['violet', 'pipeline'],
  ['neutral', 'other phases'],
  ['exposed', 'exposed communication'],
] as const;

const SWITCHES = [
  ['exposed', 'Exposed marks', 'Communication with no compute running on its rank'],
  [
    'path',
    'Critical path',
    'A longest chain of kernels, transfers and waits; zoomed out, short pieces are drawn together',
  ],
  ['flows', 'Last arrivals', 'Arrows from the rank that came last to a collective to where the others went on'],
] as const;

function toolbar({ flows, path, exposed }: TimelineData): Markup {
  const counts = { flows: flows.fromNs.length, path: path.startNs.length, exposed: exposed.startNs.length };
  // Arrows cover what they connect: they are drawn when asked for.
  const switches = SWITCHES.filter(([key]) => counts[key] > 0).map(
    ([key, label, title]) =>
      markup`<label title="${title}"><input type="checkbox" data-show="${key}"${trusted(key === 'flows' ? '' : ' checked')}>${label}</label>`,
  );
  const step = markup`<span class="tool-group"><button type="button" data-action="previous">Previous exposed</button><button type="button" data-action="next">Next exposed</button></span>`;
  return markup`<div class="toolbar"><span class="tool-group"><button type="button" data-action="in" aria-label="Zoom in">+</button><button type="button" data-action="out" aria-label="Zoom out">−</button><button type="button" data-action="fit">Fit</button></span>
${counts.exposed > 0 ? step : markup``}<span class="tool-group">${switches}</span>
<button type="button" data-action="keys" aria-expanded="false" aria-controls="timeline-keys">Keys (?)</button></div>`;
}

/** @returns the timeline: its tools, the canvas, and its pieces, compressed. */
export function timelineSection(timeline: TimelineData | null): Markup {
  if (timeline === null || timeline.tracks.length === 0) return markup``;
  const { endNs, tracks, names, note, kernels } = timeline;
  const head: TimelineHead = { endNs, tracks, names, labels: names.map(sliceLabel) };
  const columns = gzipSync(encodeColumns(timeline), { level: 9 }).toString('base64');
  const keys = KEYS.map(([key, meaning]) => markup`<div><dt>${key}</dt><dd>${meaning}</dd></div>`);
  const legend = LEGEND.map(
    ([colour, label]) => markup`<li><span class="swatch" style="background:var(--${colour})"></span>${label}</li>`,
  );
  const label = `Timeline of ${kernels.track.length} kernels in ${tracks.length} rows, ${formatNs(endNs)} long. The tables below give its figures. Press ? for keys.`;
  return markup`<section aria-labelledby="timeline-title"><h2 id="timeline-title">Timeline</h2>
${note === '' ? markup`` : markup`<p class="note">${note}</p>`}
<div class="timeline" id="timeline">${toolbar(timeline)}
<dl class="keys" id="timeline-keys" hidden>${keys}</dl>
<div class="overview" aria-hidden="true"><canvas id="timeline-overview"></canvas><div class="overview-window" id="timeline-window"></div></div>
<div class="rows" id="timeline-rows"><div id="timeline-content"><canvas id="timeline-canvas" tabindex="0" role="application" aria-label="${label}"></canvas></div></div>
<div class="tooltip" id="timeline-tooltip" hidden></div>
<div class="status-row"><span id="timeline-range"></span><span id="timeline-status" role="status" aria-live="polite"></span></div>
<ul class="legend">${legend}</ul></div>
<noscript><p class="note">The timeline is drawn by a script; the tables below give its figures.</p></noscript>
${dataBlock('timeline-head', head)}
<script type="application/octet-stream" id="timeline-columns">${columns}</script></section>`;
}
