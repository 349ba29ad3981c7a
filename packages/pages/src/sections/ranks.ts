import { markup, type Markup } from '../markup.js';
import type { PageTable, RankBars } from '../page-data.js';
import { formatPct } from '../units.js';
import { tableBox } from './tables.js';

/** Charts above each other, one column a rank, so that a rank is read downwards through all of them. */
const MEASURES = [
  { key: 'overlapPct', label: 'Overlap', note: 'of communication time, compute running beside it' },
  { key: 'computeBusyPct', label: 'Compute busy', note: 'of the time' },
  { key: 'commBusyPct', label: 'Communication busy', note: 'of the time' },
  { key: 'exposedPct', label: 'Exposed', note: 'communication with no compute beside it, of the time' },
  { key: 'idlePct', label: 'Idle', note: 'neither compute nor communication, of the time' },
] as const;

/** Ranks up to which each column has its value written above it. */
const WRITTEN_VALUES = 24;
/** Ranks that are as far as this from their middle, in points, are even: columns of one height say nothing. */
const EVEN_POINTS = 1;
const LEAST_EVEN_RANKS = 4;
/** Labels that fit below the columns. */
const RANK_LABELS = 24;

/** Tops of a chart's scale, %: what is small has a scale of its own. */
const TOPS = [5, 10, 20, 50, 100];

type Measure = (typeof MEASURES)[number];

/** @returns the ranks by the side of a comparison that is named before their number; all under `''` where none is. */
function sidesOf(ranks: readonly RankBars[]): [side: string, ranks: RankBars[]][] {
  const sides = new Map<string, RankBars[]>();
  for (const rank of ranks) {
    const side = rank.rank.slice(0, Math.max(0, rank.rank.lastIndexOf(' ')));
    sides.set(side, [...(sides.get(side) ?? []), rank]);
  }
  return [...sides];
}

function rangeText(values: readonly number[]): string {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return `lowest ${formatPct(Math.min(...values))}, mean ${formatPct(mean)}, highest ${formatPct(Math.max(...values))}`;
}

/** @returns one line of what is the same on all ranks; undefined of what differs, or of a few ranks. */
function evenLine(ranks: readonly RankBars[], { key, label, note }: Measure): Markup | undefined {
  const values = ranks.map((rank) => rank[key]);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  if (ranks.length < LEAST_EVEN_RANKS || most - least > 2 * EVEN_POINTS) return undefined;
  return markup`<p class="rank-even"><strong>${label}</strong>, ${note}: even, ${formatPct((least + most) / 2)} ±${((most - least) / 2).toFixed(1)} points on all ${ranks.length} ranks</p>`;
}

function chart(ranks: readonly RankBars[], measure: Measure): Markup {
  const { key, label, note } = measure;
  const even = evenLine(ranks, measure);
  if (even !== undefined) return even;
  const values = ranks.map((rank) => rank[key]);
  const most = Math.max(...values);
  const top = TOPS.find((candidate) => candidate >= most) ?? 100;
  const columns = ranks.map((rank, i) => {
    const value = markup`<span class="bar-value">${values[i].toFixed(ranks.length > 12 ? 0 : 1)}</span>`;
    const height = Math.min(Math.max((values[i] / top) * 100, 0), 100).toFixed(2);
    return markup`<div class="column" title="rank ${rank.rank}: ${formatPct(values[i])}"><div class="bar ${key}" data-value="${values[i]}" style="height:${height}%">${ranks.length <= WRITTEN_VALUES ? value : markup``}</div></div>`;
  });
  const range = sidesOf(ranks)
    .map(([side, of]) => {
      const text = rangeText(of.map((rank) => rank[key]));
      return side === '' ? text : `${side}: ${text}`;
    })
    .join('; ');
  return markup`<figure class="rank-chart"><figcaption><strong>${label}</strong>, % ${note}<span class="range">${range}</span></figcaption>
<div class="plot" role="img" aria-label="${label} by rank: ${range}"><div class="scale"><span>${top}</span><span>${top / 2}</span><span>0</span></div>
<div class="columns">${columns}</div></div></figure>`;
}

function rankTable(ranks: readonly RankBars[]): PageTable {
  return {
    id: 'rank-shares',
    title: 'Shares by rank',
    note: '',
    columns: [
      { label: 'Rank', align: 'left' },
      ...MEASURES.map(({ label }) => ({ label: `${label} %`, align: 'right' as const })),
    ],
    rows: ranks.map((rank) => ({
      cells: [rank.rank, ...MEASURES.map(({ key }) => rank[key].toFixed(1))],
      flagged: false,
    })),
  };
}

/** @returns overlap and busy shares by rank, as charts and as a folded table. */
export function rankSection(ranks: readonly RankBars[]): Markup {
  if (ranks.length === 0) return markup``;
  const step = Math.ceil(ranks.length / RANK_LABELS);
  const labels = ranks.map(
    ({ rank }, i) =>
      markup`<span class="rank-label">${i % step === 0 ? markup`<span>${rank}</span>` : markup``}</span>`,
  );
  return markup`<section aria-labelledby="ranks-title"><h2 id="ranks-title">Ranks</h2>
<div class="rank-charts">${MEASURES.map((measure) => chart(ranks, measure))}
${MEASURES.every((measure) => evenLine(ranks, measure) !== undefined) ? markup`` : markup`<div class="plot rank-labels" aria-hidden="true"><div class="scale">rank</div><div class="columns">${labels}</div></div>`}</div>
<details><summary>The same as a table</summary>${tableBox(rankTable(ranks))}</details></section>`;
}
