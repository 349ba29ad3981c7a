import { chartSection } from './charts/section.js';
import { layerSvg } from './layer/svg.js';
import { markup, trusted, type Markup } from './markup.js';
import { readPageAssets } from './page-assets.js';
import type { PageData } from './page-data.js';
import { matrixSection } from './sections/matrix.js';
import { rankSection } from './sections/ranks.js';
import { pipelineSection } from './sections/pipeline.js';
import {
  configurationSection,
  figureSection,
  findingSection,
  headerSection,
  statementSection,
  warningSection,
} from './sections/summary.js';
import { tableSection } from './sections/tables.js';
import { timelineSection } from './sections/timeline.js';

/** Fewer sections are in sight at once. */
const LEAST_SECTIONS = 5;

function layerSection({ layers }: PageData): Markup {
  if (layers.length === 0) return markup``;
  const pictures = layers.map(
    (layer) =>
      markup`<div class="layer-picture" data-picture><div class="layer-box" tabindex="0" role="region" aria-label="${layer.title}">${trusted(layerSvg(layer, layers))}</div>
<div class="copy-row"><button type="button" data-save-picture="${layer.title}" hidden>Save as SVG</button></div></div>`,
  );
  return markup`<section aria-labelledby="layers-title"><h2 id="layers-title">${layers.length === 1 ? 'One layer' : 'One layer of each'}</h2>
${pictures}</section>`;
}

const HEADING = /<h2 id="([^"]+)">([^<]*)<\/h2>/g;

/** @returns links to the sections of a page; nothing of a page with few. */
function contents(body: Markup): Markup {
  const headings = [...body.text.matchAll(HEADING)];
  if (headings.length < LEAST_SECTIONS) return markup``;
  const links = headings.map(([, id, text]) => markup`<a href="#${id}">${trusted(text)}</a>`);
  return markup`<nav class="contents" aria-label="Contents">${links}</nav>`;
}

/**
 * @returns one HTML document that needs nothing beside itself: no network, no other files. Every string of the data is
 * shown as text.
 */
export function reportPage(data: PageData): string {
  const { script, scriptHash, style } = readPageAssets(import.meta.url);
  const policy = `default-src 'none'; script-src '${scriptHash}'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'`;
  const body = markup`${findingSection(data)}
${chartSection(data.charts ?? [])}
${pipelineSection(data.pipeline)}
${layerSection(data)}
${timelineSection(data.timeline)}
${rankSection(data.ranks)}
${matrixSection(data.matrix)}
<div class="tables">${data.tables.map(tableSection)}</div>
${configurationSection(data)}
${statementSection(data)}`;
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${data.title}</title>
<style>${trusted(style)}</style>
</head>
<body>
${headerSection(data)}
<main>
${warningSection(data)}
${figureSection(data)}
${contents(body)}
${body}
</main>
<script>${trusted(script)}</script>
</body>
</html>
`.text;
}
